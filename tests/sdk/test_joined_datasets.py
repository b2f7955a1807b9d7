"""Several data sets as one: what must agree, what the whole is called, and its identity."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard, EpisodeOrigin, VehicleSpec
from auxdrive.data.dataset import Dataset, read_card
from auxdrive.data.derived import ensure_derived
from auxdrive.data.episode_files import CARD_NAME, write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.joined import disagreements
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive.steering import SteeringSpec
from pydantic import ValidationError

CARD = DatasetCard(
    name="a", rate_hz=10, modalities=(Modality.RGB,), camera=CameraSpec(width=8, height=6)
)


def make(folder: Path, *episodes: str, seed: int = 0, **card: Any) -> Path:
    rng = np.random.default_rng(seed)
    for episode_id in episodes:
        with EpisodeWriter(folder, episode_id, [Modality.RGB]) as writer:
            for index in range(3):
                image = rng.integers(0, 200, (6, 8, 3), dtype=np.uint8)
                writer.append(
                    {Modality.RGB: image},
                    {"time_s": index / 10, "steer_rad": 0.0, "throttle": 0.5, "brake": 0.0},
                )
    write_card(folder, CARD.model_copy(update={"name": folder.name, **card}))
    return folder


def test_two_recordings_are_one_data_set(tmp_path: Path) -> None:
    origins = {
        "e0": EpisodeOrigin(session="monday", start_s=0.0),
        "e1": EpisodeOrigin(session="monday", start_s=7.0),
    }
    a = make(
        tmp_path / "a",
        "e0",
        "e1",
        "e2",
        seed=1,
        episodes=origins,
        licence="MIT",
        splits={"train": ("e0", "e1"), "val": ("e2",)},
    )
    b = make(
        tmp_path / "b", "e0", seed=2, vehicle=VehicleSpec(name="kart"), licence="MIT", rate_hz=10.4
    )
    both = Dataset.open([a, b])
    assert both.episode_ids == ("a/e0", "a/e1", "a/e2", "b/e0")
    assert both.card.splits == {"train": ("a/e0", "a/e1", "b/e0"), "val": ("a/e2",)}
    assert both.origin("a/e1") == EpisodeOrigin(session="a/monday", start_s=7.0)
    assert both.origin("b/e0") == EpisodeOrigin(session="b/e0")
    assert (both.card.name, both.card.vehicle.name, both.card.licence, both.card.rate_hz) == (
        "a + b",
        "unknown; kart",
        "MIT",
        10,
    )
    for part, name in ((a, "a/e0"), (b, "b/e0")):
        np.testing.assert_array_equal(
            both.episode(name).frames(Modality.RGB),
            Dataset.open(part).episode("e0").frames(Modality.RGB),
        )
    with pytest.raises(UsageError, match="no one folder"):
        _ = both.path
    with pytest.raises(UsageError, match="unknown episode 'e0'"):
        both.episode("e0")


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [
        make(tmp_path / day / "data", "e0", seed=seed)
        for seed, day in enumerate(("monday", "tuesday"))
    ]
    assert Dataset.open(paths).episode_ids == ("0-data/e0", "1-data/e0")


def test_one_in_a_list_is_itself(tmp_path: Path) -> None:
    alone = make(tmp_path / "a", "e0")
    assert Dataset.open([alone]).episode_ids == ("e0",)
    assert Dataset.open([alone]).fingerprint() == Dataset.open(alone).fingerprint()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate_hz": 20}, "rate_hz: 10 and 20"),
        ({"camera": CameraSpec(width=9, height=6)}, "camera.width: 8 and 9"),
        ({"camera": CameraSpec(width=8, height=6, fov_deg=90)}, "camera.fov_deg: None and 90.0"),
        (
            {"steering": SteeringSpec(kind="normalised")},
            "steering.kind: road_wheel_rad and normalised",
        ),
        (
            {"steering": SteeringSpec(max_road_wheel_deg=25)},
            "steering.max_road_wheel_deg: 70.0 and 25.0",
        ),
        ({"vehicle": VehicleSpec(wheelbase_m=2.8)}, "vehicle.wheelbase_m: None and 2.8"),
    ],
)
def test_cards_that_do_not_agree_are_refused_with_what_differs(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    paths = [make(tmp_path / "a", "e0", seed=1), make(tmp_path / "b", "e0", seed=2, **change)]
    with pytest.raises(DataError, match="cannot be used as one") as raised:
        Dataset.open(paths)
    assert f"\n  - {message}" in str(raised.value)
    assert str(raised.value).count("\n  - ") == 1


def test_segmentation_of_other_classes_is_told_apart(tmp_path: Path) -> None:
    make(tmp_path / "a", "e0")
    rgb = read_card(tmp_path / "a")
    assert '"classes"' not in (tmp_path / "a" / CARD_NAME).read_text()  # fingerprints cover it
    old = rgb.model_copy(update={"modalities": (Modality.RGB, Modality.SEGMENTATION)})
    new = old.model_copy(update={"classes": SEGMENTATION_CLASSES})
    assert DatasetCard.model_validate_json(new.model_dump_json()) == new
    assert disagreements(old, new) == ["classes of segmentation: 13 and 18"]
    assert disagreements(rgb, new) == disagreements(old, rgb) == disagreements(new, new) == []
    with pytest.raises(ValidationError, match="the segmentation classes are"):
        DatasetCard.model_validate(new.model_dump() | {"classes": ("road",)})


def test_one_recording_does_not_count_twice(tmp_path: Path) -> None:
    a = make(tmp_path / "a", "e0")
    shutil.copytree(a, tmp_path / "copy")
    (tmp_path / "link").symlink_to(a)
    for twice in (a, tmp_path / "link"):
        with pytest.raises(UsageError, match="named twice"):
            Dataset.open([a, twice])
    with pytest.raises(DataError, match="hold the same recording: e0 there is e0 here"):
        Dataset.open([a, tmp_path / "copy"])
    # Also under another name, of a data set that holds more, and with another card.
    (tmp_path / "copy" / "episodes" / "e0").rename(tmp_path / "copy" / "episodes" / "e8")
    make(tmp_path / "copy", "e9", seed=7, licence="MIT")
    with pytest.raises(DataError, match="hold the same recording: e0 there is e8 here"):
        Dataset.open([a, tmp_path / "copy"])
    with pytest.raises(UsageError, match="at least one"):
        Dataset.open([])


def test_two_parts_of_one_recording_are_no_two_drives(tmp_path: Path) -> None:
    told = [
        "donkey tub tub (labels sha256 0123456789abcdef, maximum steering angle 25 deg); splits by "
        f"_index: {part}"
        for part in ("train=:9", "val=9:")
    ]
    a, b = (
        make(tmp_path / name, "e0", seed=seed, source=source)
        for seed, (name, source) in enumerate(zip("ab", told, strict=True))
    )
    with pytest.raises(
        DataError,
        match=r"a and .*b were both read from donkey tub tub "
        r"\(labels sha256 0123456789abcdef\): frames of one",
    ):
        Dataset.open([a, b])
    c = make(tmp_path / "c", "e0", seed=3, source=told[0].replace("0123", "4567"))
    assert len(Dataset.open([a, c])) == 2


def test_the_fingerprint_covers_every_part(tmp_path: Path) -> None:
    a, b, c = (make(tmp_path / name, "e0", seed=seed) for seed, name in enumerate("abc"))
    seen = {
        Dataset.open(paths).fingerprint() for paths in ([a], [b], [a, b], [a, c], [b, a], [a, b, c])
    }
    assert len(seen) == 6
    content = bytearray((b / "episodes" / "e0" / "rgb.npy").read_bytes())
    content[-1] ^= 1
    (b / "episodes" / "e0" / "rgb.npy").write_bytes(content)
    assert Dataset.open([a, b]).fingerprint() not in seen


def test_what_is_derived_is_written_into_each_part(tmp_path: Path) -> None:
    a, b = make(tmp_path / "a", "e0", seed=1), make(tmp_path / "b", "e0", seed=2)
    assert ensure_derived(Dataset.open(a), [Modality.EDGE]) == 1
    both = Dataset.open([a, b])
    assert ensure_derived(both, [Modality.EDGE]) == 1
    assert both.missing(Modality.EDGE) == ()
    assert Dataset.open(b).card.modalities == (Modality.RGB, Modality.EDGE)
    assert Dataset.open([a, b]).fingerprint() == both.fingerprint()


def test_a_card_that_places_unknown_episodes_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "a", "e0", episodes={"e7": EpisodeOrigin(session="x")})
    with pytest.raises(DataError, match="`episodes` names 1 that do not exist: e7"):
        Dataset.open(folder)
