"""Recorded data: episodes and data sets, their times and sessions, what is held out of training,
faults of the camera, images and videos.
"""
