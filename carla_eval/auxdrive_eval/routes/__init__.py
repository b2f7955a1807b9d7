"""Routes: the leaderboard's files are read into specifications in the right-handed world frame, and
these are planned into routes that can be driven.
"""

from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.routes.xml10 import read_routes, write_routes

__all__ = ["RouteSpec", "read_routes", "write_routes"]
