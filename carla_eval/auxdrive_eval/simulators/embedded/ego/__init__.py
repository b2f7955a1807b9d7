"""The ego: its motion, its contacts, its position on the route, and the expert that drives it."""
