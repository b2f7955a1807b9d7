"""Towns of CARLA: their maps, lights and weather."""
