"""Recording data sets: the expert drives routes in a simulator; what the sensors see is stored."""
