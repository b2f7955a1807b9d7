"""JSON of auxdrive's own files: what no writer of ours wrote is refused, with where and why."""

from __future__ import annotations

import gzip
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import read_card
from auxdrive.errors import BundleError, DataError
from auxdrive.mistakes import mistakes_of
from auxdrive.modalities import Modality
from auxdrive.strict import Strict, parse_json, parse_object, read_object
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError, model_validator

CARD = DatasetCard(
    name="d",
    rate_hz=10,
    modalities=(Modality.RGB,),
    camera=CameraSpec(width=6, height=4),
    splits={"train": ("a",)},
)
GOOD = CARD.model_dump_json()

BAD = [
    (GOOD[:-1] + ', "name": "other"}', "'name' stands there twice"),
    (GOOD.replace('"rate_hz":10.0', '"rate_hz":NaN'), "NaN is no JSON number"),
    (GOOD.replace('"rate_hz":10.0', '"rate_hz":1e999'), "larger than any number"),
    (GOOD.replace('"rate_hz":10.0', '"rate_hz":"10"'), "rate_hz: must be a valid number"),
    (GOOD.replace('"rate_hz":10.0', f'"rate_hz":{"9" * 400}'), "larger than any number"),
    (GOOD.replace('"name":"d"', '"name":"\\ud800"'), "lone surrogate"),
    (GOOD.replace('"name":"d"', '"naem":"d"'), "naem: unknown key 'naem'. Did you mean 'name'"),
    (GOOD.replace('"name":"d"', '"name":' + "[" * 5000 + "]" * 5000), "nested too deeply"),
    (GOOD.replace('"name":"d"', '"name":' + "[" * 40 + "]" * 40), "nested too deeply"),
    ("\ufeff" + GOOD, "byte order mark"),
    (GOOD[:-5], "no valid JSON"),
    ("", "is empty"),
    ("[]", "document"),
]


@pytest.mark.parametrize(("text", "why"), BAD)
def test_a_card_that_nobody_meant_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "dataset.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"dataset\.json(?s:.*){why}"):
        read_card(tmp_path)


def test_what_is_no_utf8_or_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_card(tmp_path)
    (tmp_path / "dataset.json").write_bytes(gzip.compress(GOOD.encode()))
    with pytest.raises(DataError, match=r"dataset\.json: is packed by gzip; unpack it first"):
        read_card(tmp_path)
    with pytest.raises(DataError, match="larger than the limit"):
        read_object(tmp_path / "dataset.json", limit=10)


def test_what_auxdrive_writes_is_read(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(CARD.model_dump_json(indent=2))
    assert read_card(tmp_path) == CARD


def test_the_error_is_the_callers() -> None:
    with pytest.raises(BundleError, match="here: must hold a JSON object, not a list"):
        parse_object(b"[]", "here", BundleError)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES)
def test_ordinary_documents_come_out_as_they_went_in(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), "here") == value


@given(
    st.binary(max_size=200)
    | st.text(alphabet='{}[]",:0123456789eE+-.\\udNaInfity ', max_size=200).map(str.encode)
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(DataError):
        parse_json(data, "here")


class _Part(Strict):
    seen: tuple[Modality, ...] = ()
    share: float = 0.0


class _Whole(Strict):
    parts: tuple[_Part, ...] = ()
    size: tuple[int, int] = (1, 1)

    @model_validator(mode="after")
    def _clash(self) -> Self:
        if len(self.parts) == 3:
            raise ValueError("three parts clash\nand three are too many")
        return self


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (
            {"parts": [{"seen": ["rgb", "dpeth"]}]},
            [
                "parts, first entry, seen, second entry: unknown modality 'dpeth'. "
                "Did you mean 'depth'?"
            ],
        ),
        (
            {"parts": [{"saen": []}]},
            ["parts, first entry, saen: unknown key 'saen'. Did you mean 'seen'?"],
        ),
        (
            {"parts": [{}, {"share": math.nan}]},
            ["parts, second entry, share: must be a finite number, not nan"],
        ),
        ({"size": "1"}, ["size: must be a list: write [1]"]),
        ({"parts": [{}, {}, {}]}, ["it: three parts clash", "it: and three are too many"]),
    ],
)
def test_mistakes_are_told_in_one_way(values: dict[str, Any], lines: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        _Whole.model_validate(values)
    told = mistakes_of(caught.value, _Whole, whole="it")
    assert len(told) == len(lines)
    for found, wanted in zip(told, lines, strict=True):
        assert found.startswith(wanted)


def test_of_many_mistakes_the_first_are_told_and_their_number() -> None:
    with pytest.raises(ValidationError) as caught:
        _Part.model_validate({f"key_{number}": 0 for number in range(60)})
    told = mistakes_of(caught.value)
    assert told[0] == "key_0: Extra inputs are not permitted"
    assert (len(told), told[-1]) == (51, "and 10 more")
