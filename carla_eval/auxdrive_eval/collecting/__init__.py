"""Recording data sets: the expert drives routes of a simulator, and its sensors are stored."""
