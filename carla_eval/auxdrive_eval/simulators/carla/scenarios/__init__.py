"""Scenarios of route files in CARLA. What happens, where and when is described once, for every
simulator (`auxdrive_eval.simulators.embedded.scenarios`); here are the actors that play it.
"""
