"""Cameras of a `DrivingLoop`: devices, videos, folders of images, iterators."""
