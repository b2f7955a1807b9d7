"""Texts of `--split`, and the ranges that they make."""

from __future__ import annotations

import pytest
from auxdrive.errors import UsageError
from auxdrive_train.ingest.splits import SplitRange, check_sources, parse_splits, split_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "text",
    [
        "train",
        "train=5",
        "train=5:5",
        "train=9:3",
        "=1:2",
        "tr-ain=1:2",
        "train=-1:2",
        "train=a:b",
        "train=",
        "train=a:5:5",
    ],
)
def test_split_texts_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--split"):
        parse_splits([text])


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(0, 30), st.one_of(st.none(), st.integers(0, 30))
        ),
        max_size=4,
    )
)
def test_ranges_share_no_record(raw: list[tuple[str, int, int | None]]) -> None:
    texts = [
        f"{name}={start}:{'' if stop is None else stop}"
        for name, start, stop in raw
        if stop is None or stop > start
    ]
    try:
        ranges = parse_splits(texts)
    except UsageError:
        assert len(texts) > 1  # each alone is a range; only together can they share records
        return
    for index in range(40):
        holders = [each.name for each in ranges if each.holds(index)]
        assert len(holders) <= 1
        assert split_of(index, ranges) == (holders[0] if holders else None if ranges else "train")
    assert SplitRange("a", 0, None) == parse_splits(["a=:"])[0]


def test_ranges_may_be_of_one_source() -> None:
    ranges = parse_splits(["val=tub 2:100:", "train=tub_1", "test=tub 2::100"])
    assert [str(each) for each in ranges] == ["test=tub 2:0:100", "val=tub 2:100:", "train=tub_1"]
    assert [split_of(index, ranges, "tub 2") for index in (0, 99, 100)] == ["test", "test", "val"]
    assert (split_of(7, ranges, "tub_1"), split_of(7, ranges, "tub_3")) == ("train", None)
    with pytest.raises(UsageError, match="train=tub_1 and test=tub_1:5: share records"):
        parse_splits(["train=tub_1", "test=tub_1:5:"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("test=tub_3", "unknown source 'tub_3'. Did you mean 'tub_"),
        ("test=:5", "there are several sources; say of which, as in test=tub_1:0:5"),
    ],
)
def test_ranges_must_say_of_which_source_there_is(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_sources(parse_splits([text]), ["tub_1", "tub_2", "tub_1"])
    assert message in str(caught.value)
