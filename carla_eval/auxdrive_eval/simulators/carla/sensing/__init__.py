"""What is sensed in CARLA, in the stored formats."""
