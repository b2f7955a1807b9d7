"""Completion by Tab in a shell: the names that an option may have. Registries import nothing to
list their names, so a completion does not either, except where a function reads the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Complete = Callable[[str], list[str]]
"""Gives the texts that what was typed so far may become, for `typer.Option(autocompletion=...)`."""

Names = Iterable[str] | Callable[[], Iterable[str]]
"""The names that an option may have, such as a `Registry`, or a function that gives them where
reading them imports something. They are read anew at each completion.
"""


def modality_names() -> Iterable[str]:
    """The names of all modalities. NumPy is imported with them."""
    from auxdrive.modalities import Modality

    return list(Modality)


def one_of(names: Names) -> Complete:
    """Complete a name."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in _read(names) if name.startswith(incomplete)]

    return complete


def some_of(names: Names) -> Complete:
    """Complete the last of several names that are separated by commas. Names that were typed
    already are not offered again.
    """

    def complete(incomplete: str) -> list[str]:
        *before, last = incomplete.split(",")
        found = [n for n in _read(names) if n.startswith(last) and n not in before]
        return [",".join([*before, name]) for name in found]

    return complete


def _read(names: Names) -> Iterable[str]:
    return names() if callable(names) else names
