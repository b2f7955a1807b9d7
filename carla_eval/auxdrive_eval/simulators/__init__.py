"""Simulators: the protocol, the settings that make one, and the embedded one."""
