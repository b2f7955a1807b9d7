"""Standard output and standard error of a process that is a command: encodings that lack a
character, pipes that nobody reads on, and a standard output that holds the result alone.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TextIO

_STDOUT, _STDERR = 1, 2


class OutputRefused(Exception):
    """The result was found and could not be told: the disk that standard output leads to is full,
    say.
    """


class ResultAlone(io.TextIOBase):
    """Stands for `sys.stdout` under --json: what libraries and agents print goes to standard error,
    the result alone to standard output.

    Native code writes to the descriptor and not to Python's stream, so that the descriptor leads to
    standard error as well.
    """

    def __init__(self, original: TextIO) -> None:
        self.original = self.result = original
        if _descriptor(original) == _STDOUT:
            with suppress(OSError):  # there is no standard error
                original.flush()
                kept = os.dup(_STDOUT)
                os.dup2(_STDERR, _STDOUT)
                self.result = open(kept, "w", encoding=original.encoding, errors=original.errors)  # noqa: SIM115  # `undo` closes it

    def write(self, text: str) -> int:
        """To standard error."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Of standard error."""
        sys.stderr.flush()

    def undo(self) -> TextIO:
        """Put the descriptor back and give the original stream."""
        if self.result is not self.original:
            with suppress(OutputRefused):  # said when it was written
                write_result("")
            os.dup2(self.result.fileno(), _STDOUT)
            self.result.close()
            self.result = self.original
        return self.original


def _descriptor(stream: IO[str]) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # a test's or a notebook's
        return None


def keep_for_result() -> None:
    """From here on standard output is the result's alone."""
    if not isinstance(sys.stdout, ResultAlone):
        sys.stdout = ResultAlone(sys.stdout)


def write_result(text: str) -> None:
    """Write to where standard output leads.

    Raises:
        OutputRefused: as `result_written`.
    """
    with result_written() as stream:
        stream.write(text)


@contextmanager
def result_written() -> Iterator[TextIO]:
    """The stream of the result, written to in the block. Where nobody reads on (`| head -1`) that
    is no error: what was found still counts.

    Raises:
        OutputRefused: the disk refuses; the stream leads nowhere then.
    """
    stream = sys.stdout.result if isinstance(sys.stdout, ResultAlone) else sys.stdout
    try:
        yield stream
        stream.flush()
    except BrokenPipeError:
        let_go(stream)
    except OSError as error:
        let_go(stream)
        raise OutputRefused(
            f"standard output cannot be written ({error.strerror or error})"
        ) from error


def let_go(stream: IO[str]) -> None:
    """Whatever else is written goes nowhere, also what is buffered: otherwise Python complains when
    the process ends.
    """
    descriptor = _descriptor(stream)
    if descriptor is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Streams that take any text while the block runs: characters that the encoding lacks are
    written as their escapes.
    """
    before = sys.stdout, sys.stderr
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started us
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for the rest of the process
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        if isinstance(sys.stdout, ResultAlone):
            sys.stdout.undo()
        sys.stdout, sys.stderr = before
