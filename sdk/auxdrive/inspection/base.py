"""What `auxdrive inspect` must know of a kind of folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Summary = dict[str, Any]
"""The summary of a folder, as values for JSON. Every kind has `kind` and `path`, and under `broken`
and `doubts` a sentence for each thing that is wrong or odd.
"""


@dataclass(frozen=True)
class Inspection:
    """A kind of folder that can be inspected.

    Attributes:
        what: the kind's name without an article: "data set".
        known_by: the file by which it is recognised, for messages.
        holds: whether a folder is of this kind. It looks at names only.
        summarise: makes the summary of a folder. Damage is listed there, and raises only where
            nothing can be said at all.
        show: prints a summary, without `broken` and `doubts`.
        page: makes the HTML page of a folder and its summary; None where there is none.
        no_page: what to look at instead of a page, for messages.
    """

    what: str
    known_by: str
    holds: Callable[[Path], bool]
    summarise: Callable[[Path], Summary]
    show: Callable[[Summary], None]
    page: Callable[[Path, Summary], str] | None = None
    no_page: str = ""
