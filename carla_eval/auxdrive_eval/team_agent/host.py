"""A seat in a process of its own, for leaderboards that run in an older Python: the program of
`python -c "from auxdrive_eval.team_agent.host import main; main()"`, which `leaderboard_agent`
starts. Messages are those of `auxdrive_eval.driving.agents.wire`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auxdrive.errors import AuxdriveError
from auxdrive.types import AnyArray

from auxdrive_eval.driving.agents.host import die_with_parent, private_pipes
from auxdrive_eval.driving.agents.wire import read_message, write_message
from auxdrive_eval.team_agent.seat import Seat


def main() -> None:
    """Answer until there is nothing more, or the seat was closed."""
    commands, replies = private_pipes()
    die_with_parent()
    host = _Host()
    while (message := read_message(commands)) is not None:
        body, arrays = message
        try:
            reply = {"done": host.reply(body, arrays)}
        except AuxdriveError as error:
            reply = {"failed": f"{type(error).__name__}: {error}"}
        write_message(replies, reply)
        if body["op"] == "close":
            break


class _Host:
    """Keeps the seat between two messages."""

    def __init__(self) -> None:
        self._seat: Seat | None = None

    def reply(self, body: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Any:
        if body["op"] == "setup":
            self._seat = Seat(body["config"])
            return self._seat.sensors
        seat = self._seat
        if body["op"] == "close":
            return None if seat is None else seat.close()
        assert seat is not None, "setup comes first"
        if body["op"] == "begin":
            return seat.begin(body["degrees"], body["places"])
        given = {
            name: (frame, arrays.get(name, body["others"].get(name)))
            for name, frame in body["frames"].items()
        }
        return seat.step(given, body["time_s"])
