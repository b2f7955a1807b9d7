"""The car that is driven in CARLA, its expert, and what both meet."""
