"""What commands print beside results: messages by level, and text that is safe on a terminal."""

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
"""The least level that is printed: errors, what a user usually wants to know, or everything."""
# Joiners belong to words and emoji. All other invisible characters are shown as escapes.
_JOINERS = "\u200c\u200d"
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class _Console(Console):
    """A console of rich. The original takes every stream to be UTF-8, and ends the process with
    exit code 1 if nobody reads the output any more.
    """

    @property
    def encoding(self) -> str:
        """The stream's encoding. Where it lacks the characters for lines, tables are drawn in
        ASCII.
        """
        return (getattr(self.file, "encoding", None) or "utf-8").lower()

    def on_broken_pipe(self) -> None:
        """Drop whatever else is printed."""
        let_go(self.file)


stdout = _Console(soft_wrap=True)
stderr = _Console(stderr=True, soft_wrap=True)
_level = NORMAL


def speak_from(level: int) -> None:
    """Print messages of this level and above from now on (--quiet, --verbose)."""
    global _level
    _level = level
    set_level(level)


def spoken_from() -> int:
    """The least level of messages that are printed now."""
    return _level


def is_shown(level: int) -> bool:
    """Whether messages of a level are printed."""
    return level >= _level


def on_terminal() -> bool:
    """Whether standard error is a terminal whose cursor can be moved. Rich alone does not know:
    with FORCE_COLOR it takes pipes for terminals.
    """
    return stderr.file.isatty() and stderr.is_interactive and not stderr.is_dumb_terminal


def separator() -> str:
    """The separator between short statements, in characters that standard error can write."""
    return _writable(" · ", " - ")


def _writable(text: str, instead: str) -> str:
    try:
        text.encode(stderr.encoding)
    except UnicodeEncodeError:
        return instead
    return text


def shortened(text: str, width: int) -> str:
    """A text as standard error can write it, cut to at most `width` columns.

    Args:
        text: that is written; invisible characters become escapes.
        width: in columns of a terminal, of which some characters take two. What is cut ends with an
            ellipsis.
    """
    encoding = stderr.encoding
    written = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    if cell_len(written) <= width:
        return written
    end = _writable("…", "...")
    return set_cell_size(written, max(width - len(end), 0)) + end[:width]


def printable(text: str) -> str:
    """A text in which every invisible character is replaced by its escape: control characters and
    line breaks, those that hide text or change the direction of writing, and lone surrogates (on
    Unix a file's name may hold bytes that are no UTF-8).
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_escape, text))


def message(text: str) -> str:
    """A text as `printable` makes it, but with its line breaks. Lines after the first are indented,
    so that no name in it can look like a message of its own.
    """
    first, *others = map(printable, text.split("\n"))
    return "\n".join([first, *(line if line[:1] in ("", " ") else f"  {line}" for line in others)])


def _escape(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN or character in _JOINERS:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def note(text: str, style: str = "", level: int = NORMAL) -> None:
    """Print a message on standard error. If that cannot be written to, the message is lost.

    Args:
        text: of the message.
        style: of rich, such as "red".
        level: of the message.
    """
    if is_shown(level):
        with suppress(OSError):
            stderr.print(Text(message(text), style=style), highlight=False)


def error(text: str) -> None:
    """Print on standard error why a command ends."""
    note(f"error: {text}", style="red", level=QUIET)


@contextmanager
def interruptible(what_stays: Callable[[], str]) -> Iterator[None]:
    """If the user interrupts the `with` block, print what is kept of its work and how to continue.

    Args:
        what_stays: gives that text; empty where nothing is kept.
    """
    try:
        yield
    except KeyboardInterrupt:
        if told := what_stays():
            note(f"interrupted; {told}")
        raise


class _Notes(logging.Handler):
    """A log handler that prints the records, and for details also the logger's name."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno < NORMAL:
            text = f"{record.name}: {text}"
        if record.exc_info and is_shown(VERBOSE):
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        note(text, style="dim" if record.levelno < NORMAL else "", level=record.levelno)


@contextmanager
def log_shown() -> Iterator[None]:
    """Print what auxdrive's packages log within the `with` block, at first from the normal level
    on.
    """
    global _level
    earlier = _level
    try:
        with logged_to(_Notes()):
            speak_from(NORMAL)
            yield
    finally:
        _level = earlier
