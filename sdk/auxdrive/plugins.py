"""Entry points of installed packages: ours and other people's. A broken package breaks what it
brings, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import EntryPoint
from typing import Any

from auxdrive.errors import UsageError

DISTRIBUTION = "auxdrive"


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point and the package that brings it."""

    name: str
    package: str
    point: EntryPoint

    @property
    def is_ours(self) -> bool:
        """Whether it comes with auxdrive itself."""
        return self.package == DISTRIBUTION

    def load(self) -> Any:
        """What it names.

        Raises:
            UsageError: it cannot be loaded, and is not ours; the message names the package. What
                ours raise comes through.
        """
        try:
            return self.point.load()
        except (Exception, SystemExit) as error:
            if self.is_ours:
                raise
            raise self.broken(error) from error

    def broken(self, error: BaseException) -> UsageError:
        """The error for one that fails where ours would not."""
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        advice = "Update or uninstall that package, or tell its authors"
        return UsageError(
            f"'{self.name}' of the package '{self.package}' cannot be loaded ({said}). {advice}"
        )


def plugins(group: str) -> list[Plugin]:
    """The entry points of a group, by name; of the same name ours first, then by package. Nothing
    of them is imported.
    """
    return sorted(
        _found(group), key=lambda plugin: (plugin.name, not plugin.is_ours, plugin.package)
    )


def _found(group: str) -> Iterator[Plugin]:
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            points = distribution.entry_points.select(group=group)
            if points and (package := distribution.name.lower().replace("_", "-")) not in seen:
                seen.add(package)  # of several versions on the path Python imports the first
                for point in points:
                    yield Plugin(point.name, package, point)
        except Exception:  # noqa: BLE001  # a package whose metadata nobody can read brings nothing
            continue


def choose(found: list[Plugin], name: str) -> tuple[Plugin | None, list[Plugin]]:
    """Which entry point a name means, and which are left out because ours has it: nobody replaces a
    part of auxdrive.

    Raises:
        UsageError: two packages bring it, and neither is ours.
    """
    named = [plugin for plugin in found if plugin.name == name]
    if not named:
        return None, []
    if named[0].is_ours:
        return named[0], [plugin for plugin in named[1:] if not plugin.is_ours]
    if len(named) > 1:
        packages = " and ".join(f"'{plugin.package}'" for plugin in named)
        raise UsageError(f"'{name}' is offered by the packages {packages}; uninstall all but one")
    return named[0], []
