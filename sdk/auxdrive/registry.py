"""Registries: one for every kind of thing that is chosen by name (methods, losses, runtimes,
commands, ...).

A registry holds the place ("module:attribute") of each built-in thing, and finds what installed
packages add in their entry points. Names are read from the packages' metadata, so nothing is
imported until it is asked for.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from auxdrive.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

DISTRIBUTION = "auxdrive"
THIS_PROGRAM = "this program"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """A name in a registry, before what it stands for is imported.

    Attributes:
        what: the kind of thing, for messages ("method").
        name: in the registry.
        package: the installed package that brings it.
        find: imports it.
        check: called with what another package brought; False, or an error, where that is of the
            wrong kind.
    """

    what: str
    name: str
    package: str
    find: Callable[[], T]
    check: Callable[[T], object] | None = None

    @property
    def is_built_in(self) -> bool:
        """Whether it comes with auxdrive itself."""
        return self.package == DISTRIBUTION

    def load(self) -> T:
        """Import what the name stands for.

        Raises:
            UsageError: another package brings it, and it cannot be loaded or fails the check; the
                message names the package. Errors in auxdrive's own modules pass unchanged.
        """
        try:
            loaded = self.find()
            if not (self.check is None or self.is_built_in) and self.check(loaded) is False:
                raise TypeError(f"{loaded!r} is no {self.what}")
        except (Exception, SystemExit) as error:
            if self.is_built_in:
                raise
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise UsageError(
                f"'{self.name}' of the package '{self.package}' cannot be loaded ({said}). "
                "Update or uninstall that package, or tell its authors"
            ) from error
        return loaded


class Registry(Generic[T]):
    """Names and what they stand for, which is imported when it is asked for.

    Built-in names come first and are never replaced. The entry points of auxdrive itself count as
    built in: they are how one of its packages reaches parts of another that it must not import.

    Args:
        what: the kind of thing that the names stand for, for messages ("method").
        entry_point_group: the group of entry points that adds names ("auxdrive.methods").
        builtin: the place ("module:attribute") of each built-in thing, by name.
        check: called with what another package brought; False, or an error, where that is of the
            wrong kind.

    Examples:
        >>> from auxdrive import Registry
        >>> encodings = Registry("encoding", "auxdrive.encodings", {"json": "json:dumps"})
        >>> encodings.names()
        ('json',)
        >>> encodings["json"]([1])
        '[1]'
    """

    def __init__(
        self,
        what: str,
        entry_point_group: str,
        builtin: Mapping[str, str] | None = None,
        *,
        check: Callable[[T], object] | None = None,
    ) -> None:
        self.what, self.group, self._check = what, entry_point_group, check
        self.builtin: tuple[Offer[T], ...] = tuple(
            Offer(what, name, DISTRIBUTION, partial(_resolve, place))
            for name, place in (builtin or {}).items()
        )
        self._added: dict[str, Offer[T]] = {}
        self._warned: set[str] = set()

    def offers(self) -> tuple[Offer[T], ...]:
        """Every name on offer: the built-in ones, then those that this program added, then those of
        installed packages, sorted by name and package. Imports nothing.
        """
        found = [
            Offer(self.what, point.name, package, point.load, self._check)
            for package, point in _installed(tuple(sys.path)).get(self.group, ())
        ]
        found.sort(key=lambda offer: (offer.name, offer.package))
        every = (*self.builtin, *self._added.values(), *found)
        return tuple(sorted(every, key=lambda offer: not offer.is_built_in))

    def first(self, fits: Callable[[T], bool]) -> tuple[T | None, list[T], list[UsageError]]:
        """Look for the first thing that fits, in the order of the names.

        Returns:
            It, or None; those that were tried and do not fit; and why others cannot be loaded.
        """
        tried: list[T] = []
        unusable: list[UsageError] = []
        for name in self:
            try:
                thing = self[name]
            except UsageError as error:
                unusable.append(error)
                continue
            if fits(thing):
                return thing, tried, unusable
            tried.append(thing)
        return None, tried, unusable

    def names(self) -> tuple[str, ...]:
        """The built-in names in the table's order, then the added ones. Imports nothing."""
        return tuple(dict.fromkeys(offer.name for offer in self.offers()))

    def __getitem__(self, name: str) -> T:
        """What a name stands for. It is imported now.

        Raises:
            UsageError: nobody offers the name (the message names the nearest one); or two packages
                do, and neither is auxdrive; or it cannot be loaded from its package (the message
                names the package).
        """
        offers = [offer for offer in self.offers() if offer.name == name]
        if not offers:
            raise UsageError(self.unknown(name))
        others = [offer.package for offer in offers[1:] if not offer.is_built_in]
        if others and not offers[0].is_built_in:
            packages = " and ".join(f"'{package}'" for package in (offers[0].package, *others))
            raise UsageError(
                f"the {self.what} '{name}' is offered by the packages {packages}; uninstall all "
                "but one"
            )
        if others and name not in self._warned:
            self._warned.add(name)
            for package in others:
                logging.getLogger(__name__).warning(
                    "the package %r offers a %s '%s' too, which is not used: nobody replaces what "
                    "the package 'auxdrive' brings", package, self.what, name,
                )  # fmt: skip
        return offers[0].load()

    get = __getitem__

    def add(self, name: str, value: T) -> None:
        """Add a name for this process alone, as in a notebook. A value that was added under that
        name before is replaced.

        Args:
            name: that is added.
            value: what it stands for.

        Raises:
            UsageError: the name is built in, or an installed package brings it.
        """
        if taken := [o for o in self.offers() if o.name == name and o.package != THIS_PROGRAM]:
            raise UsageError(f"the {self.what} '{name}' is the package '{taken[0].package}'s own")
        self._added[name] = Offer(self.what, name, THIS_PROGRAM, lambda: value, self._check)

    def remove(self, name: str) -> None:
        """Remove a name that `add` added."""
        del self._added[name]

    def unknown(self, name: object) -> str:
        """The message for a name that nobody offers; it names the nearest one."""
        if not (names := self.names()):
            return (
                f"unknown {self.what} '{name}': no installed package offers any. Where auxdrive's "
                "code is newer than its install, install it again"
            )
        return unknown_name(self.what, str(name), names)

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())


def subclass_of(place: str) -> Callable[[object], bool]:
    """A check for registries of classes: whether what was loaded is a class with this base
    ("module:attribute"). The base is imported when the check is made.
    """
    return lambda loaded: isinstance(loaded, type) and issubclass(loaded, _base(place))


def instance_of(place: str) -> Callable[[object], bool]:
    """A check for registries of objects: whether what was loaded is an object of this class
    ("module:attribute"). The class is imported when the check is made.
    """
    return lambda loaded: isinstance(loaded, _base(place))


def _base(place: str) -> type:
    base: type = _resolve(place)
    return base


def _resolve(place: str) -> Any:
    """What stands at "module:attribute"."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


@lru_cache(maxsize=8)
def _installed(path: tuple[str, ...]) -> dict[str, list[tuple[str, EntryPoint]]]:
    """By group, the entry points that installed packages declare for auxdrive, each with its
    package's name.
    """
    from importlib import metadata  # slow to import, and `import auxdrive` makes registries

    found: dict[str, list[tuple[str, EntryPoint]]] = {}
    seen: set[str] = set()
    for distribution in metadata.distributions(path=list(path)):
        try:
            if f"{DISTRIBUTION}." not in (distribution.read_text("entry_points.txt") or ""):
                continue
            package = distribution.name.lower().replace("_", "-")
            points = list(distribution.entry_points)
        except Exception:  # noqa: BLE001  # a package whose metadata cannot be read adds nothing
            continue
        if package not in seen:  # of several versions on the path, Python imports the first
            seen.add(package)
            for point in points:
                found.setdefault(point.group, []).append((package, point))
    return found
