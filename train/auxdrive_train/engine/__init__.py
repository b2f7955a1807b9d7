"""The engine: config, the loop over a method's phases, checkpoints, evaluation, logs."""
