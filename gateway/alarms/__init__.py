"""Alarm management after ISA-18.2-2016: an alarm says "an operator must act". Pure: no clock, no I/O."""
