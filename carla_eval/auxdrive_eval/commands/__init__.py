"""The sub-commands of this package. They do little themselves, and importing them is cheap."""
