"""Who else is on the roads of CARLA."""
