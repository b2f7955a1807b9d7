"""Trained networks as agents that drive, in torch."""
