"""Opening bundles: what is whole opens, and everything else is refused with the file's name."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.bundles import MODEL_NAME, Bundle, parse_card, parse_npy, sha256_of_files
from auxdrive.errors import BundleError, UsageError
from hypothesis import given, settings
from hypothesis import strategies as st

Copy = Callable[[Path], Path]


def edit_card(bundle: Path, **changes: Any) -> Path:
    """Replace values of the card; a key like `parity.limit` reaches inside."""
    card = json.loads((bundle / "card.json").read_text())
    for key, value in changes.items():
        place, *parts = card, *key.split("__")
        for part in parts[:-1]:
            place = place[int(part) if isinstance(place, list) else part]
        place[parts[-1]] = value
    (bundle / "card.json").write_text(json.dumps(card))
    return bundle


def test_a_whole_bundle_opens(steering_bundle: Path) -> None:
    bundle = Bundle.open(steering_bundle)
    assert bundle.card.name == "test-steering"
    assert bundle.model_path == steering_bundle / "model.onnx"
    assert hashlib.sha256(bundle.read(MODEL_NAME)).hexdigest() == bundle.card.files[MODEL_NAME]
    assert bundle.read_array("reference/images.npy").shape == (6, 24, 32, 3)
    assert bundle.ego.names == ()


def test_ego_inputs_keep_the_cards_order(waypoint_bundle: Path) -> None:
    assert Bundle.open(waypoint_bundle).ego.names == ("speed_mps", "target_ego_m")


def test_no_bundle_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such directory"):
        Bundle.open(tmp_path / "nothing")
    with pytest.raises(UsageError, match=r"no bundle, it holds no card\.json"):
        Bundle.open(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=": no directory"):
        Bundle.open(tmp_path / "file")


@pytest.mark.parametrize(
    "name", ["model.onnx", "README.md", "reference/images.npy", "reference/negative_control.npy"]
)
def test_changed_missing_files(steering_bundle: Path, copy_of: Copy, name: str) -> None:
    bundle = copy_of(steering_bundle)
    data = bytearray((bundle / name).read_bytes())
    data[-1] ^= 1
    (bundle / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name}.*SHA-256"):
        Bundle.open(bundle)
    (bundle / name).unlink()
    with pytest.raises(BundleError, match=f"missing '{name}'"):
        Bundle.open(bundle)


@pytest.mark.parametrize("name", ["extra.txt", ".hidden", "reference/more.npy", "sub/model.onnx"])
def test_extra_files(steering_bundle: Path, copy_of: Copy, name: str) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / name).parent.mkdir(exist_ok=True)
    (bundle / name).write_text("x")
    with pytest.raises(BundleError, match=f"'{name}' not named"):
        Bundle.open(bundle)


def test_links_are_refused_even_with_the_right_content(
    steering_bundle: Path, copy_of: Copy
) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "model.onnx").unlink()
    (bundle / "model.onnx").symlink_to(steering_bundle / "model.onnx")
    with pytest.raises(BundleError, match="symbolic link"):
        Bundle.open(bundle)


def test_linked_folder_and_card(steering_bundle: Path, copy_of: Copy) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "reference").rename(bundle.parent / "aside")
    (bundle / "reference").symlink_to(bundle.parent / "aside")
    with pytest.raises(BundleError, match="symbolic link"):
        Bundle.open(bundle)
    (bundle / "card.json").unlink()
    (bundle / "card.json").symlink_to(steering_bundle / "card.json")
    with pytest.raises(BundleError, match=r"card\.json: a symbolic link"):
        Bundle.open(bundle)
    (bundle / "card.json").unlink()
    (bundle / "card.json").symlink_to(bundle.parent / "nowhere")
    with pytest.raises(
        BundleError, match=r"card\.json: a symbolic link"
    ):  # damaged, and not "no bundle"
        Bundle.open(bundle)


def test_a_pipe_does_not_hang(steering_bundle: Path, copy_of: Copy) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "model.onnx").unlink()
    os.mkfifo(bundle / "model.onnx")
    with pytest.raises(BundleError, match="neither a file nor a folder"):
        Bundle.open(bundle)
    (bundle / "card.json").unlink()
    os.mkfifo(bundle / "card.json")
    with pytest.raises(BundleError, match=r"a pipe \(FIFO\)"):
        Bundle.open(bundle)


def test_limits(steering_bundle: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, message in (
        ("MAX_CARD_BYTES", "larger than"),
        ("MAX_FILE_BYTES", "larger than"),
        ("MAX_TOTAL_BYTES", "together"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"auxdrive.bundles.layout.{name}", 100)
            with pytest.raises(BundleError, match=message):
                Bundle.open(steering_bundle)
    bundle = copy_of(steering_bundle)
    (bundle / "a/b/c/d/e/f").mkdir(parents=True)
    with pytest.raises(BundleError, match="nested deeper"):
        Bundle.open(bundle)


def test_read_checks_again(steering_bundle: Path, copy_of: Copy) -> None:
    path = copy_of(steering_bundle)
    bundle = Bundle.open(path)
    (path / "model.onnx").write_bytes(b"swapped after the check")
    with pytest.raises(BundleError, match="SHA-256"):
        bundle.read(MODEL_NAME)
    with pytest.raises(BundleError, match="names no file"):
        bundle.read("../other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "flying"}, "task"),
        ({"surprise": 1}, "surprise"),
        ({"rate_hz": "10"}, "rate_hz"),
        ({"files__../outside": "0" * 64}, "not a path inside"),
        ({"files__/etc/passwd": "0" * 64}, "not a path inside"),
        ({"files__a//b": "0" * 64}, "not a path inside"),
        ({"files__card.json": "0" * 64}, "not a path inside"),
        ({"files__model.onnx": "zz"}, "files"),
        ({"training__role": "teacher"}, "a bundle holds a student"),
        ({"inputs__0__name": "lidar"}, "lidar"),
        ({"inputs__0__shape": ["batch", 24, 33, 3]}, "must be uint8"),
        ({"inputs__0__shape": [4, 24, 32, 3]}, "must be uint8"),
        ({"inputs__0__dtype": "float32"}, "must be uint8"),
        ({"outputs__0__name": "throttle"}, "steer_rad"),
        ({"outputs__0__shape": ["batch", 2]}, "must be float32"),
        ({"waypoint_times_s": [0.5]}, "waypoint_times_s"),
        ({"parity__unit": "cm"}, "parity.unit"),
        ({"camera__width": 10**9}, "camera.width"),
        ({"rate_hz": 1e9}, "rate_hz"),
        ({"steering__max_road_wheel_deg": 0}, "max_road_wheel_deg"),
        ({"steering__max_road_wheel_deg": 5e-324}, "max_road_wheel_deg"),
        ({"vehicle__wheelbase_m": 1e-310}, "wheelbase_m"),
        ({"vehicle__max_steer_rate_radps": 1e-310}, "max_steer_rate_radps"),
        ({"camera__fov_deg": 1e-310}, "fov_deg"),
        ({"vehicle__wheelbase_m": 1e6}, "wheelbase_m"),
        ({"preprocessing__size": [0, 80]}, "preprocessing.size"),
        ({"preprocessing__size": [64, 10**6]}, "preprocessing.size"),
        ({"preprocessing__std": [0.25, 0.0, 0.25]}, "preprocessing.std"),
        ({"preprocessing__crop_top": 0.6, "preprocessing__crop_bottom": 0.4}, "leave no row"),
        ({"inputs__0__unit": "intensity/255"}, "'image' is in intensity"),
        ({"outputs__0__unit": "deg"}, "'steer_rad' is in rad, not in 'deg'"),
    ],
)
def test_wrong_cards(
    steering_bundle: Path, copy_of: Copy, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        Bundle.open(edit_card(copy_of(steering_bundle), **change))
    assert "card.json" in str(caught.value)


@pytest.mark.parametrize(
    "times",
    [
        [],
        [0.5, 1.0, 1.5, 1.5],
        [0.0, 0.5, 1.0, 1.5],
        [5e-324, 0.5, 1.0, 1.5],
        [0.5, 1.0, 1.5, 1e300],
    ],
)
def test_wrong_waypoint_times(waypoint_bundle: Path, copy_of: Copy, times: list[float]) -> None:
    with pytest.raises(BundleError, match="waypoint"):
        Bundle.open(edit_card(copy_of(waypoint_bundle), waypoint_times_s=times))


@pytest.mark.parametrize(
    "place", [("rate_hz",), ("camera", "x_m"), ("preprocessing", "mean", 0), ("parity", "limit")]
)
def test_numbers_beyond_all_are_refused(
    steering_bundle: Path, place: tuple[str | int, ...]
) -> None:
    """1e999 is a JSON number, and Python reads it as infinite."""
    card = json.loads((steering_bundle / "card.json").read_text())
    inside = card
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = "HUGE"
    with pytest.raises(BundleError, match="larger than any number"):
        parse_card(json.dumps(card).replace('"HUGE"', "1e999").encode(), "the card")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"name": 1, "name": 2}',
        '{"rate_hz": NaN}',
        '{"rate_hz": 1e999}',
        "\xff",
        "[" * 100_000,
        '{"a":' * 50_000,
    ],
)
def test_card_text_that_is_no_card(text: str) -> None:
    with pytest.raises(BundleError, match="the card"):
        parse_card(text.encode("latin-1"), "the card")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_cards_raise_nothing_else(steering_bundle: Path, data: st.DataObject) -> None:
    text = bytearray((steering_bundle / "card.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        card = parse_card(bytes(text), "the card")
    except BundleError as error:
        refusal = str(error)
    else:
        refusal = f"the card is still one: {card.name}"
    assert refusal.startswith("the card")


def npy(array: np.ndarray[Any, Any]) -> bytes:
    import io

    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.float32).reshape(3, 4),
        np.asfortranarray(np.eye(3)),
        np.zeros((2, 0), np.float32),
    ],
)
def test_npy_arrays(array: np.ndarray[Any, Any]) -> None:
    read = parse_npy(npy(array), "x.npy")
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)
    assert not read.flags.writeable


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 127), st.integers(0, 255), st.integers(0, 200))
def test_damaged_npy(position: int, byte: int, end: int) -> None:
    data = bytearray(npy(np.arange(6, dtype=np.float32)))
    data[position] = byte
    for damaged in (bytes(data), bytes(data[:end])):
        try:
            outcome = f"x.npy {parse_npy(damaged, 'x.npy').size}"
        except BundleError as error:
            outcome = str(error)
        assert outcome.startswith("x.npy")


def test_pickled_and_oversized_npy() -> None:
    with pytest.raises(BundleError, match="Python objects"):
        parse_npy(npy(np.array([{}], dtype=object)), "x.npy")
    header = npy(np.zeros(1, np.uint8)).replace(b"(1,), }           ", b"(999999999999,), }")
    with pytest.raises(BundleError, match="999999999999"):
        parse_npy(header, "x.npy")


def test_sha256_of_files_is_what_the_card_holds(steering_bundle: Path) -> None:
    assert sha256_of_files(steering_bundle) == Bundle.open(steering_bundle).card.files
