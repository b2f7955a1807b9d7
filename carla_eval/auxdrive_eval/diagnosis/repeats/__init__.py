"""Driving stored routes again, up to what is looked at; or what was kept where that cannot be."""
