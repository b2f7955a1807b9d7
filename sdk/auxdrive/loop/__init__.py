"""The loop of a vehicle: a camera, a predictor, a command at a fixed rate."""
