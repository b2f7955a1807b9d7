"""`auxdrive predict`: images in, records out, and every image that is none refused by name."""

from __future__ import annotations

import csv
import json
import os
import struct
import zlib
from pathlib import Path

import auxdrive.console as console
import numpy as np
import pytest
from auxdrive.commands.predict import predict
from auxdrive.data.image_files import find_images, read_images
from auxdrive.errors import AuxdriveError, DataError, InputError, UsageError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

FRAME = np.random.default_rng(3).integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images and a text."""
    made = tmp_path / "frames"
    made.mkdir()
    for index in range(3):
        Image.fromarray(FRAME // (index + 1)).save(made / f"{index}.png")
    (made / "notes.txt").write_text("not an image")
    (made / "._0.png").write_bytes(
        b"\0\5\x16\7"
    )  # as macOS leaves beside each file on a foreign disk
    return made


def records(bundle: Path, *images: Path, out: Path, **options: object) -> list[dict[str, object]]:
    predict(bundle, list(images), out=out, **options)  # type: ignore[arg-type]
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_folder(steering_bundle: Path, folder: Path, tmp_path: Path) -> None:
    found = records(steering_bundle, folder, out=tmp_path / "o.jsonl")
    assert [Path(str(record["file"])).name for record in found] == ["0.png", "1.png", "2.png"]
    assert len({record["steer_rad"] for record in found}) == 3
    assert all(record["flags"] == [] for record in found)


def test_csv_of_both_tasks(
    steering_bundle: Path, waypoint_bundle: Path, folder: Path, tmp_path: Path
) -> None:
    predict(steering_bundle, [folder], out=tmp_path / "s.csv")
    predict(waypoint_bundle, [folder], speed=3.0, target="10,-2.5", out=tmp_path / "w.csv")
    with (tmp_path / "s.csv").open() as steering, (tmp_path / "w.csv").open() as waypoints:
        rows = list(csv.DictReader(steering))
        assert len(rows) == 3
        assert float(rows[0]["steer_rad"]) != 0
        assert list(next(csv.DictReader(waypoints)))[4:] == [
            *(f"{axis}{k}_m" for k in range(4) for axis in "xy"),
            "time_s",
        ]


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
    (frame,) = read_images(path)
    assert frame.image.shape == (24, 32, 3)
    assert frame.image.dtype == np.uint8


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((24, 32), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png.*8 bits"):
        list(read_images(tmp_path / "deep.png"))


def deep_png(channels: int, colour_type: int) -> bytes:
    """A PNG of 2x2 pixels with 16 bits per channel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress((b"\0" + bytes(2 * channels * 2)) * 2)
    header = struct.pack(">IIBBBBB", 2, 2, 16, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rgb.png", deep_png(3, 2)),
        ("rgba.png", deep_png(4, 6)),
        ("grey_alpha.png", deep_png(2, 4)),
        ("binary.ppm", b"P6 2 2 65535\n" + bytes(24)),
        ("plain.ppm", b"P3 2 2 1000\n" + b"1 " * 12),
    ],
)
def test_sixteen_bit_colours_are_refused_though_pillow_would_cut_them(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name}.*8 bits"):
        list(read_images(tmp_path / name))


def test_a_plain_ppm_of_eight_bits_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.ppm").write_bytes(b"P3 2 2 255\n" + b"9 " * 12)
    (frame,) = read_images(tmp_path / "p.ppm")
    assert (frame.image == 9).all()


def test_the_first_view_of_a_phones_image_stands_upright(tmp_path: Path) -> None:
    """MPO: what phones call JPEG, with a preview or a depth view behind the image, and the turn
    in EXIF.
    """
    views = [Image.fromarray(FRAME), Image.fromarray(FRAME[:12, :16])]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    views[0].save(tmp_path / "phone.jpg", "MPO", save_all=True, append_images=views[1:], exif=exif)
    with Image.open(tmp_path / "phone.jpg") as source:
        assert source.format == "MPO"
    (frame,) = read_images(tmp_path / "phone.jpg")
    assert frame.image.shape == (32, 24, 3)


def test_a_bad_image_does_not_cost_the_others(
    steering_bundle: Path, folder: Path, tmp_path: Path
) -> None:
    (folder / "0a.png").write_bytes(b"no image")
    Image.fromarray(FRAME[:10]).save(folder / "1a.png")
    with pytest.raises(
        DataError,
        match=r"2 of 5 files could not be used.*0a\.png: not a readable image.*1a\.png: is 32x10",
    ):
        predict(steering_bundle, [folder], out=tmp_path / "o.jsonl")
    written = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert [Path(record["file"]).name for record in written] == ["0.png", "1.png", "2.png"]


def test_odd_names_are_shown_and_come_back_from_the_files(
    steering_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(console.stdout, "_width", 400)  # no line breaks within names
    folder = (
        tmp_path / "drive["
    )  # with the next part of the path it makes a closing tag of rich's markup
    folder.mkdir()
    for name in (b"bold].png", b"caf\xe9.png"):
        Image.fromarray(FRAME).save(tmp_path / "new.png")
        (tmp_path / "new.png").rename(folder / os.fsdecode(name))
    predict(steering_bundle, [folder], out=tmp_path / "o.csv")
    shown = capsys.readouterr().out.replace("\n", "")
    assert "drive[/bold].png" in shown
    assert "caf\\udce9.png" in shown
    assert b"/caf\xe9.png," in (tmp_path / "o.csv").read_bytes()
    found = records(steering_bundle, folder, out=tmp_path / "o.jsonl")
    assert all(Path(str(record["file"])).is_file() for record in found)


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ((64, 48), None),
        ((65, 49), None),
        (
            (64, 36),
            "1 image(s) of 64x36 to 32x24, another shape: what they show is 1.33 times too high",
        ),
        (
            (40, 60),
            "1 image(s) of 40x60 to 32x24, another shape: what they show is 2.00 times too wide",
        ),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_resize_says_what_it_squashes(
    steering_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    size: tuple[int, int],
    told: str | None,
    as_json: bool,
) -> None:
    Image.new("RGB", size).save(tmp_path / "p.png")
    (record,) = records(
        steering_bundle,
        tmp_path / "p.png",
        out=tmp_path / "o.jsonl",
        resize=True,
        json_output=as_json,
    )
    assert record["scaled_from"] == list(size)
    said = " ".join(capsys.readouterr().err.split())
    assert ("--resize squashed" in said) is (told is not None)
    if told is not None:
        assert told in said
        assert "Crop them to 32:24 first" in said


def test_another_size_needs_resize(steering_bundle: Path, tmp_path: Path) -> None:
    Image.fromarray(np.repeat(np.repeat(FRAME, 2, 0), 2, 1)).save(tmp_path / "large.png")
    with pytest.raises(
        InputError,
        match=r"large\.png: is 64x48 pixels, the model's camera gives 32x24\. Use --resize",
    ):
        predict(steering_bundle, [tmp_path / "large.png"])
    (record,) = records(
        steering_bundle, tmp_path / "large.png", out=tmp_path / "o.jsonl", resize=True
    )
    assert isinstance(record["steer_rad"], float)


def test_wrong_requests(
    steering_bundle: Path, waypoint_bundle: Path, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "o.csv").mkdir()
    frame = folder / "0.png"
    cases: list[tuple[Path, Path, dict[str, object], str]] = [
        (waypoint_bundle, frame, {}, "give --speed"),
        (waypoint_bundle, frame, {"speed": 1.0}, "give --target"),
        (waypoint_bundle, frame, {"speed": 1.0, "target": "1;2"}, "2 numbers"),
        (waypoint_bundle, frame, {"speed": 1.0, "target": "1,2,3"}, "2 numbers"),
        (waypoint_bundle, frame, {"speed": float("nan"), "target": "1,2"}, "speed_mps"),
        (steering_bundle, frame, {"speed": 1.0}, "leave --speed out"),
        (steering_bundle, frame, {"out": tmp_path / "o.txt"}, r"\.jsonl or \.csv"),
        (steering_bundle, frame, {"out": tmp_path / "no" / "o.csv"}, "there is no directory"),
        (steering_bundle, frame, {"out": tmp_path / "o.csv"}, "is a directory"),
        (waypoint_bundle, frame, {"speed": 1e39, "target": "1,2"}, "speed_mps is 1e\\+39"),
        (
            waypoint_bundle,
            frame,
            {"speed": 1.0, "target": "1,-1e39"},
            r"target_ego_m\[1\] is -1e\+39",
        ),
        (steering_bundle, tmp_path / "none.png", {}, "no such file"),
        (steering_bundle, tmp_path / "empty", {}, "holds no images"),
    ]
    for bundle, image, options, message in cases:
        with pytest.raises((UsageError, InputError), match=message):
            predict(bundle, [image], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"\x00" * 20]
)
def test_files_that_are_no_images(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(DataError, match=r"odd\.png"):
        list(read_images(tmp_path / "odd.png"))


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(["png", "jpg", "gif", "bmp", "webp", "tif"]), st.data())
def test_damaged_images_raise_nothing_else(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    path = tmp_path / f"damaged.{kind}"
    Image.fromarray(FRAME).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        outcome = f"{path} {len(list(read_images(path)))}"
    except AuxdriveError as error:
        outcome = str(error)
    assert outcome.startswith(str(path))


def test_images_of_a_folder_are_sorted_and_named_files_keep_their_order(folder: Path) -> None:
    assert [path.name for path in find_images([folder / "2.png", folder])] == [
        "2.png",
        "0.png",
        "1.png",
        "2.png",
    ]
