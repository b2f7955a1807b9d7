"""Driving agents along routes: settings, drivers, workers. What agents are: `agents`; what is kept
beside results: `onlookers`; drives on disk: `stored`.
"""
