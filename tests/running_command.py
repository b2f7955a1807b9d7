"""The command line in a process that is watched while it runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time


class Command:
    """`auxdrive` in a process whose standard error is read while it runs."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from auxdrive.cli import main; main()", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self.said.extend(iter(self._process.stderr.readline, ""))

    def wait_until(self, pattern: re.Pattern[str], count: int) -> None:
        """Wait until so many lines hold the pattern."""
        deadline = time.monotonic() + 120
        while sum(pattern.search(line) is not None for line in list(self.said)) < count:
            assert time.monotonic() < deadline, self.said
            assert self._process.poll() is None, self.said
            time.sleep(0.02)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end. Returns exit code, standard output and standard error."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out = self._process.stdout.read()
        code = self._process.wait(120)
        self._reader.join()
        self._process.stdout.close()
        self._process.stderr.close()
        return code, out, "".join(self.said)

    def kill(self) -> None:
        """End it without warning."""
        self._process.kill()
