"""`auxdrive predict`: pictures in, records out, and every picture that is none refused by name."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from auxdrive.commands.predict import predict
from auxdrive.errors import AuxdriveError, DataError, InputError, UsageError
from auxdrive.pictures import find_pictures, read_pictures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

FRAME = np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures and a text."""
    made = tmp_path / "frames"
    made.mkdir()
    for index in range(3):
        Image.fromarray(FRAME // (index + 1)).save(made / f"{index}.png")
    (made / "notes.txt").write_text("not a picture")
    return made


def records(bundle: Path, *images: Path, out: Path, **options: object) -> list[dict[str, object]]:
    predict(bundle, list(images), out=out, **options)  # type: ignore[arg-type]
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_folder(steering_bundle: Path, folder: Path, tmp_path: Path) -> None:
    found = records(steering_bundle, folder, out=tmp_path / "o.jsonl")
    assert [Path(str(record["file"])).name for record in found] == ["0.png", "1.png", "2.png"]
    assert len({record["steer_rad"] for record in found}) == 3
    assert all(record["flags"] == [] for record in found)


def test_csv_of_both_tasks(steering_bundle: Path, waypoint_bundle: Path, folder: Path, tmp_path: Path) -> None:
    predict(steering_bundle, [folder], out=tmp_path / "s.csv")
    predict(waypoint_bundle, [folder], speed=3.0, target="10,-2.5", out=tmp_path / "w.csv")
    with (tmp_path / "s.csv").open() as steering, (tmp_path / "w.csv").open() as waypoints:
        rows = list(csv.DictReader(steering))
        assert len(rows) == 3
        assert float(rows[0]["steer_rad"]) != 0
        assert list(next(csv.DictReader(waypoints)))[4:] == [f"{axis}{k}_m" for k in range(4) for axis in "xy"]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations(steering_bundle: Path, tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(np.full((24, 32, 3), 50 * k, np.uint8)) for k in range(1, 5)]
    path = tmp_path / f"drive{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=50)
    found = records(steering_bundle, path, out=tmp_path / "o.jsonl")
    assert [record["frame"] for record in found] == [0, 1, 2, 3]


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK"])
def test_every_eight_bit_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("p.tif" if mode == "CMYK" else "p.png")
    Image.fromarray(FRAME).convert(mode).save(path)
    (picture,) = read_pictures(path)
    assert picture.image.shape == (24, 32, 3)
    assert picture.image.dtype == np.uint8


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((24, 32), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png.*8 bits"):
        list(read_pictures(tmp_path / "deep.png"))


def test_another_size_needs_resize(steering_bundle: Path, tmp_path: Path) -> None:
    Image.fromarray(np.repeat(np.repeat(FRAME, 2, 0), 2, 1)).save(tmp_path / "large.png")
    with pytest.raises(InputError, match=r"large\.png: is 64x48 pixels, the model's camera gives 32x24\. Use --resize"):
        predict(steering_bundle, [tmp_path / "large.png"])
    (record,) = records(steering_bundle, tmp_path / "large.png", out=tmp_path / "o.jsonl", resize=True)
    assert isinstance(record["steer_rad"], float)


def test_wrong_requests(steering_bundle: Path, waypoint_bundle: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "film.mp4").write_bytes(b"x")
    picture = folder / "0.png"
    cases: list[tuple[Path, Path, dict[str, object], str]] = [
        (waypoint_bundle, picture, {}, "give --speed"),
        (waypoint_bundle, picture, {"speed": 1.0}, "give --target"),
        (waypoint_bundle, picture, {"speed": 1.0, "target": "1;2"}, "two numbers"),
        (waypoint_bundle, picture, {"speed": 1.0, "target": "1,2,3"}, "two numbers"),
        (waypoint_bundle, picture, {"speed": float("nan"), "target": "1,2"}, "speed_mps"),
        (steering_bundle, picture, {"speed": 1.0}, "leave --speed out"),
        (steering_bundle, picture, {"out": tmp_path / "o.txt"}, r"\.jsonl or \.csv"),
        (steering_bundle, picture, {"out": tmp_path / "no" / "o.csv"}, "cannot be written"),
        (steering_bundle, tmp_path / "none.png", {}, "no such file"),
        (steering_bundle, tmp_path / "empty", {}, "holds no pictures"),
        (steering_bundle, tmp_path / "film.mp4", {}, "ffmpeg"),
    ]
    for bundle, image, options, message in cases:
        with pytest.raises((UsageError, InputError), match=message):
            predict(bundle, [image], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"\x00" * 20])
def test_files_that_are_no_pictures(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.png"):
        list(read_pictures(tmp_path / "odd.png"))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["png", "jpg", "gif", "bmp", "webp", "tif"]), st.data())
def test_damaged_pictures_raise_nothing_else(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    path = tmp_path / f"damaged.{kind}"
    Image.fromarray(FRAME).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        answer = f"{path} {len(list(read_pictures(path)))}"
    except AuxdriveError as error:
        answer = str(error)
    assert answer.startswith(str(path))


def test_pictures_of_a_folder_are_sorted_and_named_files_keep_their_order(folder: Path) -> None:
    assert [path.name for path in find_pictures([folder / "2.png", folder])] == ["2.png", "0.png", "1.png", "2.png"]
