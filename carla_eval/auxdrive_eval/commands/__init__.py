"""The sub-commands of this package: thin, cheap to import."""
