"""What a shell offers when Tab is pressed within a command: the names of a choice. The tables of
names import nothing, so neither does a completion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Complete = Callable[[str], list[str]]
"""From what was typed so far to what it may become, for `typer.Option(autocompletion=...)`."""

Names = Iterable[str] | Callable[[], Iterable[str]]
"""Those that there are: looked at when a completion is asked for, so that a `Registry` can be given
or, where reading them imports something, a function.
"""


def modality_names() -> Iterable[str]:
    """The names of all modalities. NumPy is imported with them."""
    from auxdrive.modalities import Modality

    return list(Modality)


def one_of(names: Names) -> Complete:
    """Completes a name."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in _read(names) if name.startswith(incomplete)]

    return complete


def some_of(names: Names) -> Complete:
    """Completes the last of several names that are separated by commas; those that stand there
    already are not offered again.
    """

    def complete(incomplete: str) -> list[str]:
        *before, last = incomplete.split(",")
        found = [n for n in _read(names) if n.startswith(last) and n not in before]
        return [",".join([*before, name]) for name in found]

    return complete


def _read(names: Names) -> Iterable[str]:
    return names() if callable(names) else names
