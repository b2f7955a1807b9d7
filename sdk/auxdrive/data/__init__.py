"""What holds of recorded data, whoever writes or reads it: time, sessions and what is held out,
faults of the camera, several as one.
"""
