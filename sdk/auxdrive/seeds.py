"""Reads seeds as a user writes them."""

from __future__ import annotations

import re

from auxdrive.errors import UsageError


def seeds_of_text(text: str, what: str, largest: int, example: str) -> tuple[int, ...]:
    """Read numbers and ranges that are separated by commas.

    Args:
        text: such as '1000,1005-1009'.
        what: the seeds are, for messages.
        largest: the largest seed that is allowed.
        example: of how they are written, for messages.

    Returns:
        The seeds in the order of the text.

    Raises:
        UsageError: there are no seeds, or one is too large or named twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:\s*-\s*(\d{1,6}))?\s*", part)
        if match is None:
            raise UsageError(f"{what} '{text}': write numbers and ranges, such as {example}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 <= first <= last <= largest:
            raise UsageError(
                f"{what} '{part.strip()}': they go from 0 to {largest}, the smaller one first"
            )
        seeds += range(first, last + 1)
    if len(set(seeds)) != len(seeds):
        raise UsageError(f"{what} '{text}': a seed stands there twice")
    return tuple(seeds)
