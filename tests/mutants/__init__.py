"""Mutation testing of the alarm code: each small change of the code must make a test fail."""
