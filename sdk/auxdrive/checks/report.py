"""The results of checks, and the report of all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check.

    Attributes:
        name: of the check.
        passed: whether it passed.
        detail: what was found, for people.
        value: that was measured; None where the check compares no numbers.
        limit: that the value was compared with; None where there is none.
        unit: of both.
    """

    name: str
    passed: bool
    detail: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(slots=True)
class VerifyReport:
    """The checks of a bundle. Predictions are checked only if files and graph have passed.

    Attributes:
        bundle: its directory.
        runtime: that ran the graph.
        device: that it ran on.
        card_sha256: the SHA-256 of card.json, which holds that of every other file; None where the
            card could not be read.
        expected: whether the caller gave the SHA-256 that the card must have.
        signed_by: who signed the bundle, in words; None where no signature was asked for or it
            does not hold.
        passed_over: files and folders that belong to no bundle and were not opened (.DS_Store and
            the like).
        checks: in the order in which they were made.
    """

    bundle: str
    runtime: str
    device: str
    card_sha256: str | None = None
    expected: bool = False
    signed_by: str | None = None
    passed_over: tuple[str, ...] = ()
    checks: list[Check] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return all(check.passed for check in self.checks)

    @property
    def proves(self) -> str:
        """What is proved of a bundle that passes, and what is not."""
        if self.signed_by is not None:
            return (
                f"It is what {self.signed_by} has signed, whole and consistent with its card. That "
                "tells who vouches for it, not that it drives well."
            )
        if self.expected:
            return (
                "It is the bundle whose card has the expected SHA-256, whole and consistent with "
                "that card."
            )
        return (
            "Passing shows that the bundle is whole and consistent since its card was written, not "
            "who wrote it: whoever can change "
            "every file can change the card. Hold it to its maker's signature with --key and the "
            "maker's public key, or to one card with --expect-sha256."
        )

    def as_json(self) -> dict[str, Any]:
        """The report as values for JSON."""
        return {**asdict(self), "passed": self.passed, "proves": self.proves}
