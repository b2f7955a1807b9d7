"""The name of a simulator's own driver. Importing it is cheap."""

EXPERT = "expert"
"""By this it is asked for, and so it stands in what is stored."""
