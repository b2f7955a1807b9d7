"""Texts of `--split`, and the ranges that they make."""

from __future__ import annotations

import pytest
from auxdrive.errors import UsageError
from auxdrive_train.ingest.splits import SplitRange, parse_splits, split_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("text", ["train", "train=5", "train=5:5", "train=9:3", "=1:2", "tr-ain=1:2", "train=-1:2", "train=a:b"])
def test_split_texts_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--split"):
        parse_splits([text])


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.one_of(st.none(), st.integers(0, 30))), max_size=4))
def test_ranges_share_no_record(raw: list[tuple[str, int, int | None]]) -> None:
    texts = [f"{name}={start}:{'' if stop is None else stop}" for name, start, stop in raw if stop is None or stop > start]
    try:
        ranges = parse_splits(texts)
    except UsageError:
        assert len(texts) > 1  # each alone is a range; only together can they share records
        return
    for index in range(40):
        holders = [each.name for each in ranges if index in each]
        assert len(holders) <= 1
        assert split_of(index, ranges) == (holders[0] if holders else None if ranges else "train")
    assert SplitRange("a", 0, None) == parse_splits(["a=:"])[0]
