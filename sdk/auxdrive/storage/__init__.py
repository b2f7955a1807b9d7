"""Reading and writing files: regular files alone, whole or not at all, one process to a folder."""
