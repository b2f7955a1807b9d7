"""Bench2Drive: its rule set, and what it says of a run beside the driving score."""
