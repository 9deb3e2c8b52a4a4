"""Dashboards for Grafana, generated from the shipped device profiles: see generate.py."""
