"""The ego: its motion, its contacts, where it is on its route, and the expert that drives it."""
