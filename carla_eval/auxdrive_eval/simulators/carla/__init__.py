"""CARLA: routes are driven in a server of it, in synchronous mode, through its own client."""
