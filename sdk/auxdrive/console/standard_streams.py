"""Standard output and standard error of a command: encodings that lack a character, pipes that
nobody reads any more, and a standard output that holds nothing but the result.
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
    """The result could not be written, such as when standard output leads to a full disk."""


class ResultAlone(io.TextIOBase):
    """Replaces `sys.stdout` with --json: what libraries and agents print goes to standard error,
    and only the result goes to standard output.

    Native code writes to the file descriptor and not to Python's stream, so the descriptor leads to
    standard error as well.

    Args:
        original: the stream that it replaces.
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
        """Write to standard error."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush standard error."""
        sys.stderr.flush()

    def undo(self) -> TextIO:
        """Restore the descriptor.

        Returns:
            The original stream.
        """
        if self.result is not self.original:
            with suppress(OutputRefused):  # reported when it was written
                write_result("")
            os.dup2(self.result.fileno(), _STDOUT)
            self.result.close()
            self.result = self.original
        return self.original


def _descriptor(stream: IO[str]) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # the stream of a test or a notebook
        return None


def keep_for_result() -> None:
    """From now on only the result goes to standard output."""
    if not isinstance(sys.stdout, ResultAlone):
        sys.stdout = ResultAlone(sys.stdout)


def write_result(text: str) -> None:
    """Write a part of the result to standard output.

    Raises:
        OutputRefused: as `result_written`.
    """
    with result_written() as stream:
        stream.write(text)


@contextmanager
def result_written() -> Iterator[TextIO]:
    """The stream for the result, to which the `with` block writes. It is no error if nobody reads
    it any more (`| head -1`): the command has still done its work.

    Raises:
        OutputRefused: the disk refuses. What is written afterwards is dropped.
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
    """Drop whatever else is written to a stream, and what it has buffered. Otherwise Python would
    report an error when the process ends.
    """
    descriptor = _descriptor(stream)
    if descriptor is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Within the `with` block, make both standard streams accept any text: characters that the
    encoding lacks are written as escapes.
    """
    before = sys.stdout, sys.stderr
    if sys.stdout is None or sys.stderr is None:  # whoever started this process closed them
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
