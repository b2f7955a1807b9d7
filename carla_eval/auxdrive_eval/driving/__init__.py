"""Driving agents over routes: settings, workers, drivers, finished routes, shards."""
