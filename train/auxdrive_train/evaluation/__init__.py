"""Trained models measured open loop, on data that they were not trained on."""
