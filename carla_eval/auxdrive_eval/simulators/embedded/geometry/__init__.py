"""Boxes and curves in the plane."""
