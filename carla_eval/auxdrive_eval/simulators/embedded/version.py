"""The version of the embedded worlds.

It is part of the settings of every drive: a drive of another version can be neither continued nor
joined with others. Raise it with every change after which the same route, seed and driver give
another drive: changes of towns, traffic, lights, the car, the sensors, the expert or the weather.
`tests/carla_eval/test_embedded_version.py` compares some numbers of a world with it.
"""

VERSION = "6"
