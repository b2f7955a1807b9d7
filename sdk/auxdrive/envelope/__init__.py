"""The safety envelope: what stands between predictor and actuators. It watches frames, clocks and
predictions, moves waypoints by the motion since their frame, keeps commands within physical limits,
and falls back where the input is bad.
"""
