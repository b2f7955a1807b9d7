"""The server of CARLA, and what holds the client to it."""
