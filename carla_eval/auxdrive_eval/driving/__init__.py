"""Driving agents along routes: settings, drivers, workers, finished routes, shards."""
