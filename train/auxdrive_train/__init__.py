"""auxdrive_train: data, models, losses, methods and the engine that train camera-only students."""
