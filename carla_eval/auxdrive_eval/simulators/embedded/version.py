"""The version of the embedded worlds.

It stands in the settings of every drive, and two drives of different versions are neither gone on
with nor joined. Raise it with every change after which a route, seed and driver that were driven
before give another drive: towns, traffic, lights, the car, what its sensors see, the expert, the
weather. `tests/carla_eval/test_embedded_version.py` holds some numbers of a world to it.
"""

VERSION = "3"
