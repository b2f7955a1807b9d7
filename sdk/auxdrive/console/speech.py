"""What a command says: its consoles, how much it says, and text that cannot steer a terminal."""

from __future__ import annotations

import logging
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from auxdrive.console.standard_streams import let_go
from auxdrive.logs import logged_to, set_level

QUIET, NORMAL, VERBOSE = logging.ERROR, logging.INFO, logging.DEBUG
"""From which level on something is said: errors alone, what a user wants to know, everything."""
# Joiners belong to words and emoji; every other character that is not seen itself is shown as its
# escape.
_JOINERS = "\u200c\u200d"
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class _Console(Console):
    """Rich's, which takes every stream for UTF-8 and ends the process with exit code 1 where nobody
    reads on.
    """

    @property
    def encoding(self) -> str:
        """That of the stream: where it has no lines to draw with, tables are drawn in ASCII."""
        return (getattr(self.file, "encoding", None) or "utf-8").lower()

    def on_broken_pipe(self) -> None:
        """What else is said goes nowhere."""
        let_go(self.file)


stdout = _Console(soft_wrap=True)
stderr = _Console(stderr=True, soft_wrap=True)
_level = NORMAL


def speak_from(level: int) -> None:
    """Say from now on what is of that level or above (--quiet, --verbose)."""
    global _level
    _level = level
    set_level(level)


def spoken_from() -> int:
    """From which level on something is said now."""
    return _level


def is_shown(level: int) -> bool:
    """Whether what is of that level is said."""
    return level >= _level


def on_terminal() -> bool:
    """Whether standard error is a terminal whose cursor moves. Rich believes FORCE_COLOR, under
    which pipes are taken for terminals.
    """
    return stderr.file.isatty() and stderr.is_interactive and not stderr.is_dumb_terminal


def separator() -> str:
    """What stands between short statements, in characters that standard error has."""
    return _writable(" · ", " - ")


def _writable(text: str, instead: str) -> str:
    try:
        text.encode(stderr.encoding)
    except UnicodeEncodeError:
        return instead
    return text


def shortened(text: str, width: int) -> str:
    """The text as standard error can write it, in a line of at most so many columns."""
    encoding = stderr.encoding
    written = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    if cell_len(written) <= width:
        return written
    end = _writable("…", "...")
    return set_cell_size(written, max(width - len(end), 0)) + end[:width]


def printable(text: str) -> str:
    """The text with every character that is not seen as its escape: control characters and line
    breaks, those that change the direction of writing or hide, and lone surrogates (names of files
    on Unix may hold bytes that are no UTF-8).
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_escape, text))


def message(text: str) -> str:
    """The same, with its line breaks. Further lines are indented, so that no name in it can begin a
    message of its own.
    """
    first, *others = map(printable, text.split("\n"))
    return "\n".join([first, *(line if line[:1] in ("", " ") else f"  {line}" for line in others)])


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN or character in _JOINERS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def note(text: str, style: str = "", level: int = NORMAL) -> None:
    """Say something that is not the result (standard error). Where that cannot be written there is
    nowhere to say so.
    """
    if is_shown(level):
        with suppress(OSError):
            stderr.print(Text(message(text), style=style), highlight=False)


def error(text: str) -> None:
    """Say why a command ends (standard error)."""
    note(f"error: {text}", style="red", level=QUIET)


@contextmanager
def interruptible(what_stays: Callable[[], str]) -> Iterator[None]:
    """Where the user interrupts the block he is told what stays of it, and how it goes on.

    Args:
        what_stays: that in words; empty where nothing stays.
    """
    try:
        yield
    except KeyboardInterrupt:
        if told := what_stays():
            note(f"interrupted; {told}")
        raise


class _Notes(logging.Handler):
    """Says what is logged; details with where they come from."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno < NORMAL:
            text = f"{record.name}: {text}"
        if record.exc_info and is_shown(VERBOSE):
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        note(text, style="dim" if record.levelno < NORMAL else "", level=record.levelno)


@contextmanager
def log_shown() -> Iterator[None]:
    """Say what auxdrive's packages log meanwhile, as `note` does, as much as is usual at first."""
    global _level
    earlier = _level
    try:
        with logged_to(_Notes()):
            speak_from(NORMAL)
            yield
    finally:
        _level = earlier
