"""The engine: configuration, the loop that runs a method's phases, checkpoints, evaluation, logs."""
