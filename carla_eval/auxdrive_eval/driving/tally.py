"""How the predictions of a route were used, how long the driver took, and when its safety envelope
stepped in; while it is driven, and as it is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from auxdrive.strict import Strict
from auxdrive.types import AnyArray, Prediction
from pydantic import Field

LATENCY_DTYPE = np.dtype([("time_s", "<f8"), ("driver_ms", "<f4"), ("model_ms", "<f4")])
"""How long a prediction took: the game time at which it was asked for; from the sensors' frames to
the control, which includes the way to the agent's process and back, and the controller; and what
the model says of itself. Times by the clock differ from run to run and decide nothing.
"""


class Intervention(Strict):
    """A stretch of consecutive ticks at which the safety envelope raised a flag.

    Attributes:
        flag: its name (`auxdrive.EnvelopeFlag`).
        began_s: game time of the first tick.
        ended_s: game time of the last tick.
        ticks: how many.
    """

    flag: str
    began_s: float = Field(ge=0)
    ended_s: float = Field(ge=0)
    ticks: int = Field(ge=1)


@dataclass(slots=True)
class Interventions:
    """The interventions of a route, while it is driven. Tell it of every tick."""

    _ended: list[Intervention] = field(default_factory=list)
    _open: dict[str, tuple[float, float, int]] = field(default_factory=dict)

    def note(self, time_s: float, flags: Collection[str]) -> None:
        """Note a tick.

        Args:
            time_s: its game time.
            flags: what the envelope raised at it.
        """
        if not flags and not self._open:
            return
        for flag in sorted(self._open.keys() - set(flags)):
            self._ended.append(_intervention(flag, self._open.pop(flag)))
        for flag in flags:
            began_s, _, ticks = self._open.get(flag, (time_s, time_s, 0))
            self._open[str(flag)] = (began_s, time_s, ticks + 1)

    @property
    def now(self) -> frozenset[str]:
        """The flags of the last tick that was noted."""
        return frozenset(self._open)

    @property
    def found(self) -> tuple[Intervention, ...]:
        """All so far, in the order in which they began."""
        still = [_intervention(flag, span) for flag, span in self._open.items()]
        return tuple(sorted([*self._ended, *still], key=lambda each: (each.began_s, each.flag)))


def _intervention(flag: str, span: tuple[float, float, int]) -> Intervention:
    began_s, ended_s, ticks = span
    return Intervention(flag=flag, began_s=began_s, ended_s=ended_s, ticks=ticks)


@dataclass(slots=True)
class Tally:
    """How a route's predictions were used.

    Attributes:
        predictions: number of predictions.
        braked: those that could not be used (withheld, not finite, too old), so that the car
            braked.
        flagged: those that were used although they had a flag.
        flags: how often each flag came.
        envelope: at how many ticks the safety envelope raised each flag, and under "ticks" how many
            it saw; empty without one.
        interventions: when it raised them.
        latency: a record of `LATENCY_DTYPE` for each prediction.
    """

    predictions: int = 0
    braked: int = 0
    flagged: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    envelope: Counter[str] = field(default_factory=Counter)
    interventions: Interventions = field(default_factory=Interventions)
    latency: list[tuple[float, float, float]] = field(default_factory=list, compare=False)

    def add(self, prediction: Prediction, braked: bool, time_s: float, driver_ms: float) -> None:
        """Count a prediction.

        Args:
            prediction: whose flags are counted too.
            braked: whether it could not be used, so that the car braked.
            time_s: game time at which it was asked for.
            driver_ms: how long the driver took, from the sensors' frames to the control.
        """
        self.predictions += 1
        self.braked += braked
        self.flagged += bool(prediction.flags) and not braked
        self.flags.update(flag.value for flag in prediction.flags)
        self.latency.append((time_s, driver_ms, prediction.latency_ms))


class StoredTally(Strict):
    """The counts of a `Tally` in their stored form."""

    predictions: int = Field(ge=0)
    braked: int = Field(ge=0)
    flagged: int = Field(ge=0)
    flags: dict[str, int]
    envelope: dict[str, int] = Field(default={})


def stored_tally(tally: Tally) -> StoredTally:
    """The counts of a route."""
    return StoredTally(
        predictions=tally.predictions,
        braked=tally.braked,
        flagged=tally.flagged,
        flags=dict(sorted(tally.flags.items())),
        envelope=dict(sorted(tally.envelope.items())),
    )


def stored_latency(tally: Tally) -> AnyArray:
    """How long the predictions of a route took, `LATENCY_DTYPE` (N,)."""
    return np.array(tally.latency, dtype=LATENCY_DTYPE)


def summed(tallies: Iterable[StoredTally]) -> StoredTally:
    """The counts of several routes together."""
    listed: Sequence[StoredTally] = tuple(tallies)
    flags: Counter[str] = Counter()
    envelope: Counter[str] = Counter()
    for tally in listed:
        flags.update(tally.flags)
        envelope.update(tally.envelope)
    return StoredTally(
        predictions=sum(tally.predictions for tally in listed),
        braked=sum(tally.braked for tally in listed),
        flagged=sum(tally.flagged for tally in listed),
        flags=dict(sorted(flags.items())),
        envelope=dict(sorted(envelope.items())),
    )


def what_became(tally: StoredTally) -> str:
    """How the predictions that were not simply used were handled, in words; empty if there are
    none.
    """
    parts = []
    if tally.braked:
        parts.append(
            f"{tally.braked} of {tally.predictions} predictions could not be driven by, and the "
            "car was braked instead."
        )
    if tally.flagged:
        parts.append(
            f"{tally.flagged} of {tally.predictions} predictions came with a flag and were driven "
            "by all the same."
        )
    if tally.flags:
        parts.append(
            f"Flags: {', '.join(f'{name} {count}' for name, count in tally.flags.items())}."
        )
    if ticks := tally.envelope.get("ticks", 0):
        found = ", ".join(
            f"{name} {count}" for name, count in tally.envelope.items() if name != "ticks"
        )
        parts.append(f"Safety envelope, of {ticks} ticks: {found or 'nothing'}.")
    return " ".join(parts)
