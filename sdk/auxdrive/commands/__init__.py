"""The sub-commands of this package. They are thin, and cheap to import."""
