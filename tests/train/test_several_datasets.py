"""Training on several data sets as one: from the command line and from YAML, with what each lacks,
and their identity in the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.errors import AuxdriveError, ConfigError, DataError
from auxdrive.modalities import Modality
from auxdrive_train.data import SampleSet
from auxdrive_train.engine.config_files import load_config, parse_config
from auxdrive_train.engine.train import train
from auxdrive_train.tasks.steering_angle import SteeringTask
from typer.testing import CliRunner

SMALL = {"preprocessing": {"size": [64, 80]}, "batch_size": 16, "threads": 1, "epochs": 1}


Write = Callable[..., None]


def record(
    write: Write, folder: Path, seed: int, modalities: tuple[Modality, ...], **card: Any
) -> Path:
    for episode in range(2):
        write(folder, f"e{episode}", 10 * seed + episode, 24, modalities)
    camera = CameraSpec(width=80, height=64)
    write_card(
        folder,
        DatasetCard(
            name=folder.name, modalities=modalities, camera=camera, **{"rate_hz": 4.0, **card}
        ),
    )
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, stripe_writer: Write) -> tuple[Path, Path]:
    """Two recordings whose episodes have the same ids; the second has no depth."""
    root = tmp_path_factory.mktemp("several")
    monday = record(stripe_writer, root / "monday", 1, (Modality.RGB, Modality.DEPTH))
    return monday, record(stripe_writer, root / "tuesday", 2, (Modality.RGB,))


def test_samples_of_all_parts_and_what_one_lacks(two: tuple[Path, Path]) -> None:
    both = Dataset.open(two)
    samples = SampleSet.open(both, both.episode_ids, SteeringTask(), [Modality.RGB, Modality.DEPTH])
    assert len(samples) == 96
    assert samples.missing == {Modality.DEPTH: ["tuesday/e0", "tuesday/e1"]}
    assert samples.has(Modality.DEPTH).tolist() == [True] * 48 + [False] * 48


def test_several_on_the_command_line_and_in_yaml_are_one_run(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(SMALL))
    out = tmp_path / "run"
    arguments = [
        "train",
        str(config),
        "--data",
        str(two[0]),
        "--data",
        str(two[1]),
        "--out",
        str(out),
        "--json",
    ]
    result = CliRunner().invoke(build_app(), arguments)
    assert result.exit_code == 0, result.output
    assert (
        json.loads((out / "run.json").read_text())["dataset_sha256"]
        == Dataset.open(two).fingerprint()
    )
    assert json.loads((out / "dataset.json").read_text())["name"] == "monday + tuesday"
    written = yaml.safe_load((out / "config.yaml").read_text())
    assert written["data"] == [str(path) for path in two]
    assert load_config(out / "config.yaml", {}, []).data == two
    again = train(parse_config({**SMALL, "data": [str(path) for path in two]}), tmp_path / "again")
    assert again.metrics == json.loads(result.stdout)["metrics"]
    with pytest.raises(DataError, match="other data"):
        train(parse_config({**SMALL, "data": [str(two[1]), str(two[0])]}), out, resume=True)


def test_one_is_written_as_it_was_given(two: tuple[Path, Path]) -> None:
    one = parse_config({"data": str(two[0])})
    assert one.data == (two[0],)
    assert one.model_dump(mode="json")["data"] == str(two[0])


def test_what_does_not_fit_is_refused_before_anything_starts(
    two: tuple[Path, Path], stripe_writer: Write, tmp_path: Path
) -> None:
    other = record(stripe_writer, tmp_path / "other", 3, (Modality.RGB,), rate_hz=20.0)
    with pytest.raises(AuxdriveError, match="rate_hz: 4 and 20"):
        train(parse_config({**SMALL, "data": [str(two[0]), str(other)]}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    for wrong in ([], 3, [3]):
        with pytest.raises(ConfigError, match="data"):
            parse_config({"data": wrong})
