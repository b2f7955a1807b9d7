"""The commands of rounds of DAgger in the test's own process, and a stop in the middle of one."""

from __future__ import annotations

import json
from typing import Any

from auxdrive.cli import build_app
from auxdrive.errors import AuxdriveError
from auxdrive.work import Unseen
from typer.testing import CliRunner


def here(name: str, *arguments: str, prefix: str) -> dict[str, Any]:
    """A command in this process, instead of one of its own."""
    del prefix  # of the lines that a process of its own would print
    result = CliRunner().invoke(build_app(), [name, *arguments, "--json"])
    if result.exit_code:
        raise AuxdriveError(f"{name}: {result.output}{result.exception}")
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


def of_a_round(name: str, *arguments: str, prefix: str) -> dict[str, Any]:
    """The same, for a command whose lines say of which round they are."""
    assert prefix.startswith("round ")
    return here(name, *arguments, prefix=prefix)


class Stops(Unseen):
    """Shows nothing, and stops the first work that has begun."""

    def within(self, share: float, effort: float | None = None) -> None:
        del effort
        if share:
            raise KeyboardInterrupt
