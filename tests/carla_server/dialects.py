"""What differs in the wire protocol between versions of the client. A server speaks one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Dialect:
    """How a version of the client is spoken to.

    Attributes:
        version: that the server says it has.
        observer: number of the stream type of the world's snapshots.
        first_type: number of the first type of a blueprint's attributes, the truth values.
        box_tells_owner: whether a box comes with the id of its actor.
        batch_tells_attachment: whether a spawn in a batch says how and where it is attached.
        map_folder: what stands before the names of maps.
    """

    version: str
    observer: int
    first_type: int
    box_tells_owner: bool
    batch_tells_attachment: bool
    map_folder: str = "Carla/Maps/"


DIALECTS = {
    "0.9.16": Dialect("0.9.16", 17, 1, True, True),
    "0.9.15": Dialect("0.9.15", 16, 0, False, False),
}
NEWEST = "0.9.16"
_spoken = DIALECTS[NEWEST]


def spoken() -> Dialect:
    """The dialect of this process."""
    return _spoken


def speak(version: str, *, bare_names: bool = False) -> None:
    """Speak another dialect from now on.

    Args:
        version: of the client.
        bare_names: whether maps are called Town01 and not Carla/Maps/Town01, as in CARLA 0.9.10.
    """
    global _spoken
    dialect = DIALECTS[version]
    _spoken = replace(dialect, map_folder="") if bare_names else dialect
