"""The engine: reads the config, runs a method's phases, stores checkpoints, measures, and logs."""
