"""Drives on disk: how they are stored and read back, inspected, and joined."""
