"""Sweeps: many runs of methods, seeds and settings, in one folder."""
