"""What a shell offers when Tab is pressed within a command: the names of a choice. The tables of
names import nothing, so neither does a completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Complete = Callable[[str], list[str]]
"""From what was typed so far to what it may become, for `typer.Option(autocompletion=...)`."""


def one_of(names: Iterable[str]) -> Complete:
    """Completes a name.

    Args:
        names: those that there are; asked at each completion, so that a `Registry` can be given.
    """

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete


def some_of(names: Iterable[str]) -> Complete:
    """Completes the last of several names that are separated by commas; those that stand there
    already are not offered again.
    """

    def complete(incomplete: str) -> list[str]:
        *before, last = incomplete.split(",")
        found = [name for name in names if name.startswith(last) and name not in before]
        return [",".join([*before, name]) for name in found]

    return complete
