"""Route files from their text."""

from __future__ import annotations

from pathlib import Path

from auxdrive_eval.routes import RouteSpec, load_routes

WAYPOINTS = '<waypoint x="0" y="0"/><waypoint x="1" y="2"/>'
POSITIONS = (
    '<waypoints><position x="0" y="0" z="1"/>\n<position x="1" y="2" z="1.5"/></waypoints>\n'
)


def read(tmp_path: Path, content: str | bytes) -> tuple[RouteSpec, ...]:
    """The routes of a file with this content."""
    path = tmp_path / "routes.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_routes(path)


def route2(inner: str, positions: str = POSITIONS) -> str:
    """A route file of leaderboard 2 with one route, which begins on line 2."""
    return f'<routes>\n<route id="0" town="T">\n{positions}{inner}\n</route></routes>'
