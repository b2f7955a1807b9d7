"""A test server that speaks the wire protocol of CARLA 0.9.16 (or 0.9.15, see `dialects`) to
the stock `carla` client.

It is no simulator: it serves what a driving benchmark asks of CARLA, so that our client code runs
against the real client library, and fails on demand. `docs/carla.md` says what it is good for.
"""
