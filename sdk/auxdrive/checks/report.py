"""What checks report: one line each, and all of them together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `value` and `limit` are in `unit`; None where the check is not a comparison of
    numbers.
    """

    name: str
    passed: bool
    detail: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(slots=True)
class VerifyReport:
    """Every check that was made, in order. Predictions are checked only when files and graph have
    passed.

    Attributes:
        card_sha256: of card.json, which holds the SHA-256 of every other file; None where the card
            could not be read.
        expected: whether that was held against one that the caller gave.
        passed_over: what lies in the folder, is no part of any bundle, and was not opened
            (.DS_Store and its like).
    """

    bundle: str
    runtime: str
    device: str
    card_sha256: str | None = None
    expected: bool = False
    passed_over: tuple[str, ...] = ()
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all passed."""
        return all(check.passed for check in self.checks)

    @property
    def proves(self) -> str:
        """What a bundle that passes has been shown to be, and what not."""
        if self.expected:
            return (
                "It is the bundle whose card has the expected SHA-256, whole and consistent with "
                "that card."
            )
        return (
            "Passing shows that the bundle is whole and consistent since its card was written, not "
            "who wrote it: whoever can change "
            "every file can change the card. Hold it to one card with --expect-sha256 and the "
            "SHA-256 that its maker gave you."
        )

    def as_json(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return {**asdict(self), "passed": self.passed, "proves": self.proves}
