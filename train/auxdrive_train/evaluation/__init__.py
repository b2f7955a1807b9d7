"""Measuring trained models open loop (on recorded data), on data that they were not trained on."""
