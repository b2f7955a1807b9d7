"""Running one of auxdrive's commands in a process of its own, as a user would."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from typing import IO, Any

from auxdrive.errors import AuxdriveError, CheckFailed
from auxdrive.logs import level_now

_LOG = logging.getLogger(__name__)
COMMAND = (sys.executable, "-c", "from auxdrive.cli import main; main()")
"""The beginning of every command line: this Python, and `auxdrive` in it."""


def command(name: str, *arguments: str, prefix: str) -> dict[str, Any]:
    """Run one `auxdrive` command with `--json`, as verbose as this process is. What it prints on
    standard error is logged line by line.

    Args:
        name: of the command, such as "train".
        arguments: what follows the name on the command line.
        prefix: put before each logged line; it says whose line it is.

    Returns:
        What it printed on standard output, parsed.

    Raises:
        CheckFailed: its exit code was 1.
        AuxdriveError: it failed in another way.
    """
    quiet, verbose = level_now() >= logging.ERROR, level_now() <= logging.DEBUG
    line = [*COMMAND, name, *arguments, "--json"]
    line += ["--quiet"] * quiet + ["--verbose"] * verbose
    with subprocess.Popen(
        line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        level = logging.ERROR if quiet else logging.INFO
        teller = threading.Thread(target=_pass_on, args=(process.stderr, prefix, level))
        teller.start()
        printed = process.stdout.read()
        teller.join()
    if process.returncode:
        kind = CheckFailed if process.returncode == 1 else AuxdriveError
        raise kind(
            f"`auxdrive {name} {' '.join(arguments)}` ended with exit code {process.returncode}; "
            "its message stands above"
        )
    output = json.loads(printed)
    assert isinstance(output, dict)
    return output


def _pass_on(stream: IO[bytes], prefix: str, level: int) -> None:
    for line in stream:
        _LOG.log(level, prefix + line.decode("utf-8", "replace").rstrip())
