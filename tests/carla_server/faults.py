"""Faults on demand: what goes wrong, in which tick, with which sensor, how often."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

KINDS = {
    "drop": "a sensor's frame is not sent",
    "repeat": "a sensor's last frame is sent again, with its old number, instead of the new one",
    "black": "a camera sends an image of zeros",
    "hang": "the whole server does nothing for `seconds`",
    "die": "the process ends at once, as after a crash",
}


@dataclass
class Fault:
    """One fault.

    Attributes:
        kind: of KINDS.
        sensor: beginning of the blueprints concerned; "" for all.
        tick: the first tick in synchronous mode, counted from the server's start, in which it
            strikes; 0 at once, while time runs freely too.
        count: how often it strikes.
        seconds: how long a hang lasts.
    """

    kind: str
    sensor: str = ""
    tick: int = 0
    count: int = 1
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"fault {self.kind!r}; choose from {', '.join(KINDS)}")

    @classmethod
    def read(cls, text: str) -> Fault:
        """From `kind=drop,sensor=sensor.camera,tick=30,count=2`, as `--fault` gives it.

        Args:
            text: pairs separated by commas.
        """
        return cls.of(dict(pair.split("=", 1) for pair in text.split(",")))

    @classmethod
    def of(cls, given: dict[str, Any]) -> Fault:
        """From the values of its attributes.

        Args:
            given: texts or numbers by name.
        """
        types = {"kind": str, "sensor": str, "tick": int, "count": int, "seconds": float}
        if unknown := given.keys() - {f.name for f in fields(cls)}:
            raise ValueError(f"{', '.join(sorted(unknown))}: no attribute of a fault")
        return cls(**{name: types[name](value) for name, value in given.items()})


@dataclass
class Faults:
    """Those that still have to strike, and those that did.

    Attributes:
        told: file to which a line is added when one strikes, for whoever asks when the server has
            ended.
    """

    waiting: list[Fault] = field(default_factory=list)
    told: Path | None = None
    struck: list[tuple[int, str, str]] = field(default_factory=list)
    tick: int = 0

    def takes(self, kind: str, sensor: str = "") -> Fault | None:
        """The fault of a kind that strikes now, if one does; it has struck once more after this.

        Args:
            kind: of KINDS.
            sensor: blueprint of the sensor that asks.
        """
        for fault in self.waiting:
            if fault.kind == kind and self.tick >= fault.tick and sensor.startswith(fault.sensor):
                fault.count -= 1
                if fault.count <= 0:
                    self.waiting.remove(fault)
                self.struck.append((self.tick, kind, sensor))
                if self.told is not None:
                    with self.told.open("a") as file:
                        print(self.tick, kind, sensor, file=file)
                return fault
        return None
