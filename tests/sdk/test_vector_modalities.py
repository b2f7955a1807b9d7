"""Vectors as modalities: names, storage, cards, and what inspection says of them."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import DataError, InputError, UsageError
from auxdrive.inspection.painting import paint
from auxdrive.modalities import MODALITIES, Modality, parse_modality
from pydantic import ValidationError
from typer.testing import CliRunner
from vector_data import CLUES, NOISE, write_vector_data

STATE = {"time_s": 0.0, "steer_rad": 0.0, "throttle": 0.0, "brake": 0.0}


def test_a_name_is_always_the_same_modality() -> None:
    assert Modality("vector_clues") is CLUES
    assert parse_modality(" Vector_Clues ") is CLUES
    assert pickle.loads(pickle.dumps(CLUES)) is CLUES  # noqa: S301 - our own bytes
    assert copy.deepcopy(CLUES) is CLUES
    assert CLUES.is_vector
    assert not any(modality.is_vector for modality in Modality)
    assert CLUES not in list(Modality)
    assert MODALITIES[CLUES].dtype == "float32"
    assert CLUES not in dict.fromkeys(Modality)


@pytest.mark.parametrize(
    "name", ["vector_", "vector", "vector_A b", "vector_../x", "vector_" + "a" * 41]
)
def test_other_names_are_none(name: str) -> None:
    with pytest.raises(UsageError, match="modality"):
        parse_modality(name)
    with pytest.raises(KeyError):
        MODALITIES[name]  # type: ignore[index]  # not a modality


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    root = write_vector_data(tmp_path / "data", frames=4)
    episode = EpisodeReader(root / "episodes" / "train-0")
    assert episode.modalities == (Modality.RGB, CLUES, NOISE)
    assert episode.frame_shape(CLUES) == (3,)
    assert episode.frames(CLUES).shape == (4, 3)
    assert episode.frames(CLUES).dtype == np.float32
    assert set(np.asarray(episode.state["class_id"]).tolist()) <= {0, 1, 2}
    dataset = Dataset.open(root)
    assert dataset.card.vectors == {CLUES: 3, NOISE: 5}
    assert dataset.missing(CLUES) == ("train-1",)
    before = dataset.fingerprint()
    file = root / "episodes" / "train-0" / f"{CLUES}.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    assert Dataset.open(root).fingerprint() != before


@pytest.mark.parametrize(
    ("vector", "told"),
    [
        ([1.0, np.nan, 0.0], "not finite"),
        ([1.0, np.inf, 0.0], "not finite"),
        ([1.0, 2.0], "have the shape"),
        ([[1.0, 2.0, 3.0]], r"\(length,\)"),
        ([], "must not be empty"),
    ],
)
def test_an_instant_with_a_wrong_vector_is_refused_and_costs_nothing_else(
    tmp_path: Path, vector: list[float], told: str
) -> None:
    with EpisodeWriter(tmp_path, "drive", [CLUES]) as writer:
        writer.append({CLUES: np.zeros(3, np.float32)}, STATE)
        with pytest.raises(InputError, match=told):
            writer.append({CLUES: np.array(vector, np.float32)}, {**STATE, "time_s": 1.0})
        with pytest.raises(InputError, match="float32"):
            writer.append({CLUES: np.zeros(3)}, {**STATE, "time_s": 1.0})
    assert len(EpisodeReader(tmp_path / "episodes" / "drive")) == 1


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"modalities": (CLUES,)}, "how long each vector"),
        ({"modalities": (CLUES,), "vectors": {CLUES: 0}}, "vectors"),
        ({"modalities": (CLUES,), "vectors": {CLUES: 3, NOISE: 2}}, "vector_noise"),
        ({"modalities": (Modality.RGB,)}, "camera: is needed"),
        ({"modalities": (CLUES,), "vectors": {CLUES: 3}, "class_names": ("a", "a")}, "twice"),
    ],
)
def test_a_card_says_what_its_vectors_and_images_are(values: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        DatasetCard.model_validate({"name": "t", "rate_hz": 1.0, **values})


def test_a_set_without_a_camera(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path, "drive", [CLUES]) as writer:
        for index in range(3):
            writer.append({CLUES: np.full(3, index, np.float32)}, {**STATE, "time_s": 1.0 * index})
    card = DatasetCard(name="t", rate_hz=1.0, modalities=(CLUES,), vectors={CLUES: 3})
    write_card(tmp_path, card)
    assert "camera" not in json.loads((tmp_path / "dataset.json").read_text())
    assert Dataset.open(tmp_path).card == card
    with pytest.raises(DataError, match="no camera, and so no images; it has vector_clues"):
        card.needed_camera  # noqa: B018 - the property raises
    shown = CliRunner().invoke(
        build_app(), ["inspect", str(tmp_path), "--html", str(tmp_path / "page.html")]
    )
    assert shown.exit_code == 0, shown.output
    assert "vector_clues" in shown.output
    assert "no camera" in shown.output
    assert "vector_clues" in (tmp_path / "page.html").read_text()


def test_inspection_names_vectors_that_do_not_fit_the_card(tmp_path: Path) -> None:
    root = write_vector_data(tmp_path / "data", frames=4)
    broken = np.zeros((4, 3), np.float32)
    broken[1, 1] = np.nan
    np.save(root / "episodes" / "val-0" / f"{CLUES}.npy", broken)
    np.save(root / "episodes" / "test-0" / f"{NOISE}.npy", np.zeros((4, 2), np.float32))
    shown = CliRunner().invoke(build_app(), ["inspect", str(root), "--json"])
    assert shown.exit_code == 1
    told = " ".join(json.loads(shown.stdout)["broken"])
    assert "1 numbers of vector_clues are not finite" in told
    assert "vector_noise has 2 numbers a frame, 5 by the card" in told


def test_a_vector_is_painted_as_a_stripe() -> None:
    image = paint(CLUES, np.array([1.0, 2.0, 3.0], np.float32))
    assert image.shape[1:] == (3, 3)
    assert image.dtype == np.uint8
    assert len(np.unique(image[0], axis=0)) == 3
    same = paint(CLUES, np.full(3, 7.0, np.float32))
    assert len(np.unique(same.reshape(-1, 3), axis=0)) == 1


def test_data_sets_of_other_vectors_or_classes_are_not_one(tmp_path: Path) -> None:
    one, two = (write_vector_data(tmp_path / name, frames=2 + n) for n, name in enumerate("ab"))
    card = json.loads((two / "dataset.json").read_text())
    card["class_names"] = ["left", "right", "straight"]
    (two / "dataset.json").write_text(json.dumps(card))
    with pytest.raises(DataError, match=r"class_names: left, straight, right and left, right"):
        Dataset.open([one, two])


def test_the_camera_is_needed_by_what_sees_images() -> None:
    card = DatasetCard(
        name="t", rate_hz=1.0, modalities=(Modality.RGB,), camera=CameraSpec(width=8, height=8)
    )
    assert card.needed_camera.width == 8
