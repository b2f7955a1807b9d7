"""Taking drives apart: why a driver lost its points."""
