"""A run that was trained with a method or a loss of somebody's own is exported and driven where
that code is not at hand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.errors import ConfigError, DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.predictor import Predictor
from auxdrive.types import Observation
from auxdrive_train.agents.entry import load_agent
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config_files import load_config, parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from auxdrive_train.losses import LOSSES
from auxdrive_train.losses.hint import Hint
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.methods.phases import Phase, PhaseRecord, Step
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.networks import Network, SingleNetwork
from torch import nn
from typer.testing import CliRunner


class Mimic(Method):
    """As the one in docs/methods.md."""

    name = "mimic"
    summary = "two networks side by side"
    paper = "none"

    def networks(self) -> nn.ModuleDict:
        """The student and another."""
        depth = self.setup.auxiliaries[0]
        return nn.ModuleDict(
            {
                STUDENT: SingleNetwork(self.setup.main, self.setup.build),
                "other": SingleNetwork(depth, self.setup.build),
            }
        )

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """One."""
        return (
            None
            if history
            else Phase("both", (STUDENT, "other"), self.setup.epochs, self.loss, watch=STUDENT)
        )

    def loss(self, networks: nn.ModuleDict, batch: object) -> Step:
        """Each on the labels."""
        return Step(
            {
                name: self.supervised(networks[name](batch).prediction, batch)
                for name in (STUDENT, "other")
            }
        )  # type: ignore[arg-type]

    def roles(self, networks: nn.ModuleDict) -> dict[str, Network]:
        """Both."""
        return {name: cast(Network, network) for name, network in networks.items()}


class Fusing(Mimic):
    """Its 'student' is no plain network, so that nobody else can build it."""

    name = "fusing"

    def networks(self) -> nn.ModuleDict:
        """A fused student."""
        student = FusedNetwork(self.setup.main, self.setup.auxiliaries, self.setup.build)
        return nn.ModuleDict(
            {
                STUDENT: student,
                "other": SingleNetwork(self.setup.auxiliaries[0], self.setup.build),
            }
        )


@pytest.fixture(scope="module")
def runs(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Trained with what is registered, and gone from the tables afterwards."""
    folder = tmp_path_factory.mktemp("own")
    METHODS.add("mimic", Mimic)
    METHODS.add("fusing", Fusing)
    LOSSES.add("mine", Hint)
    values = {
        "data": str(small_data),
        "preprocessing": {"size": [64, 80]},
        "batch_size": 8,
        "threads": 1,
        "epochs": 1,
        "aux": ["depth"],
    }
    made = {"mimic": {}, "fusing": {}, "samd": {"options": {"epochs_per_round": 1, "loss": "mine"}}}
    try:
        for method, changes in made.items():
            train(parse_config({**values, "method": method, **changes}), folder / method)
    finally:
        METHODS.remove("mimic")
        METHODS.remove("fusing")
        LOSSES.remove("mine")
    return {method: folder / method for method in made}


@pytest.mark.parametrize("method", ["mimic", "samd"])
def test_it_is_exported_and_drives_as_it_was_measured(
    method: str, runs: dict[str, Path], small_data: Path, tmp_path: Path
) -> None:
    result = CliRunner().invoke(
        build_app(), ["export", str(runs[method]), "--out", str(tmp_path / "bundle")]
    )
    assert result.exit_code == 0, result.output
    dataset = Dataset.open(small_data)
    run = load_run(runs[method])
    samples = SampleSet.open(dataset, dataset.split("val"), run.task, (Modality.RGB,))
    images = samples.gather(np.arange(len(samples))).frames[Modality.RGB].numpy()
    agent = load_agent(runs[method])
    assert agent is not None
    driven = np.array(
        [[agent.act(Observation(image, 0.0), {}).steer_rad] for image in images], dtype=np.float64
    )
    measured = json.loads((runs[method] / "result.json").read_text())["metrics"]["val"]["student"]
    for metric, value in run.task.metrics(driven, samples.label, dataset.card.steering).items():
        assert value == pytest.approx(measured[metric], abs=1e-5), metric
    with Predictor.load(tmp_path / "bundle") as predictor:
        assert predictor.predict(Observation(images[0], 0.0)).steer_rad == pytest.approx(
            float(driven[0, 0]), abs=1e-3
        )
        assert predictor.card.training.method == method


def test_what_only_training_needs_is_asked_for_by_training_alone(
    runs: dict[str, Path], small_data: Path
) -> None:
    with pytest.raises(ConfigError, match="mimic"):
        load_config(runs["mimic"] / "config.yaml", {}, [])
    with pytest.raises(ConfigError, match="mine"):
        load_config(runs["samd"] / "config.yaml", {}, [])
    with pytest.raises(ConfigError, match="mimic"):
        parse_config({"data": str(small_data), "method": "mimic"})


def test_other_roles_need_the_method_and_a_loss_does_not_matter_to_them(
    runs: dict[str, Path],
) -> None:
    with pytest.raises(UsageError, match="the method 'mimic' is not known here"):
        load_agent(runs["mimic"], "other")
    teacher = load_agent(runs["samd"], "teacher")
    assert teacher is not None


def test_a_student_that_only_its_method_can_build_is_refused_and_says_why(
    runs: dict[str, Path],
) -> None:
    with pytest.raises(DataError, match="the method 'fusing' is not known here"):
        load_run(runs["fusing"])
