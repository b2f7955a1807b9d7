"""What a kind of folder is to `auxdrive inspect`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Summary = dict[str, Any]
"""What is said of a folder, ready for JSON. Every kind has `kind`, `path`, and `broken` and
`doubts`, a sentence each.
"""


@dataclass(frozen=True)
class Inspection:
    """A kind of folder that can be looked at.

    Attributes:
        what: it is, in a word or two, without an article: "data set".
        known_by: the file by which it is known, for messages.
        holds: whether a folder is of this kind. It reads nothing but names.
        summarise: looks at the folder. What is damaged is listed, not refused, as far as anything
            can be said at all.
        show: prints a summary, but for `broken` and `doubts`.
        page: its HTML page from folder and summary; None where there is none.
        no_page: what to look at instead; for messages.
    """

    what: str
    known_by: str
    holds: Callable[[Path], bool]
    summarise: Callable[[Path], Summary]
    show: Callable[[Summary], None]
    page: Callable[[Path, Summary], str] | None = None
    no_page: str = ""
