"""Route files of leaderboard 1.0 from their text."""

from __future__ import annotations

from pathlib import Path

from auxdrive_eval.routes import RouteSpec, read_routes

WAYPOINTS = '<waypoint x="0" y="0"/><waypoint x="1" y="2"/>'


def read(tmp_path: Path, content: str | bytes) -> tuple[RouteSpec, ...]:
    """The routes of a file with this content."""
    path = tmp_path / "routes.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_routes(path)
