"""The names of conditions, for help texts and options: importing them imports nothing else."""

from __future__ import annotations

CONDITION_NAMES = ("day", "night", "fog", "rain", "glare")
"""In the order of `auxdrive_eval.conditions.CONDITIONS`."""
ALL = "all"
