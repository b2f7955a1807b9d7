"""The engine: configuration, the loop over a method's phases, checkpoints, evaluation, logs."""
