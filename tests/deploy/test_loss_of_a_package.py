"""A loss that an installed package brings: trained in SAMD through the command, killed and taken up
again, exported. It compares maps, trains parts and remembers samples.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from auxdrive.cli import build_app
from auxdrive.errors import ConfigError, UsageError
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.config_files import dump_config, parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from auxdrive_train.losses import LOSSES
from foreign_packages import install_package
from torch import Tensor
from typer.testing import CliRunner

SOURCE = (Path(__file__).parents[1] / "remembering_loss.py").read_text()
EPOCHS = 4
SETTINGS = {
    "method": "samd",
    "aux": ["depth"],
    "options": {"loss": "remembering", "epochs_per_round": 2},
    "epochs": EPOCHS,
    "preprocessing": {"size": [64, 80]},
    "batch_size": 4,
    "threads": 1,
    "lr": 2e-3,
}


@pytest.fixture(autouse=True)
def _imported_afresh() -> Iterator[None]:
    yield
    for name in ("others_module", "strange_module"):
        sys.modules.pop(name, None)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package that brings the loss."""
    site = tmp_path / "site"
    target = {"remembering": "others_module:Remembering"}
    install_package(site, "others", "auxdrive.losses", target, SOURCE)
    monkeypatch.syspath_prepend(str(site))
    return site


def command(*arguments: object) -> None:
    result = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output


def killed_in_a_phase_of_the_student(config: Path, out: Path, site: Path) -> int:
    """Train in another process and kill it after the student's first epoch; how many epochs it
    had written.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "auxdrive", "train", str(config), "--out", str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    log = out / "metrics.jsonl"
    while process.poll() is None and (not log.exists() or log.read_bytes().count(b"\n") < 3):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return log.read_bytes().count(b"\n")


def assert_equal(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def test_it_trains_is_taken_up_exactly_after_a_kill_and_is_not_handed_over(
    package: Path, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(dump_config(parse_config({**SETTINGS, "data": str(small_data)})))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    command("train", config, "--out", whole)
    assert 3 <= killed_in_a_phase_of_the_student(config, cut, package) < 2 * EPOCHS
    command("train", config, "--out", cut, "--resume")

    last = checkpoint.load(whole / "checkpoints" / "last.safetensors")
    taken_up = checkpoint.load(cut / "checkpoints" / "last.safetensors")
    assert_equal(taken_up.networks, last.networks)
    for key, slots in last.optimizers["student"].items():
        assert_equal(taken_up.optimizers["student"][key], slots)

    # It has trained its parts and remembers every sample that was shown.
    parts = {name for name in last.networks if name.startswith("distillation.")}
    assert {name.removeprefix("distillation.") for name in parts} == {
        "bank", "embed.bias", "embed.weight", "regressor.bias", "regressor.weight",
    }  # fmt: skip
    bank = last.networks["distillation.bank"]
    assert (bank.abs().sum(dim=1) > 0).all()
    trained = {name: last.networks[name] for name in parts if not name.endswith("bank")}
    moments = [slots["exp_avg"].shape for slots in last.optimizers["student"].values()]
    for name, tensor in trained.items():
        assert tensor.shape in moments, name

    # What is measured, exported and driven holds none of it, and needs no package.
    best = [checkpoint.load(run / "checkpoints" / "best.safetensors") for run in (whole, cut)]
    assert_equal(best[0].networks, best[1].networks)
    assert not any(name.startswith("distillation") for name in best[0].networks)
    monkeypatch.undo()
    assert "remembering" not in LOSSES
    command("export", whole, "--out", tmp_path / "bundle")
    graph = onnx.load(tmp_path / "bundle" / "model.onnx").graph
    sizes = sorted(int(np.prod(tensor.dims)) for tensor in graph.initializer)
    student = load_run(whole).networks["student"]
    weights = sorted(parameter.numel() for parameter in student.parameters())
    assert [size for size in sizes if size > 3] == [size for size in weights if size > 3]


def test_a_loss_that_remembers_samples_is_refused_in_several_processes(
    package: Path, small_data: Path, tmp_path: Path
) -> None:
    config = parse_config({**SETTINGS, "data": str(small_data), "processes": 2})
    with pytest.raises(ConfigError, match=r"'remembering' remembers every sample.*processes: 1"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (
            ('MAP = "stem"', 'MAP = "layer2"'),
            ConfigError,
            "'remembering' does not fit .* map 'layer2'",
        ),
        (("Remembering(Loss)", "Remembering"), UsageError, r"the package 'strange'.*is no loss"),
        (("import torch\n", "import tortch\n"), UsageError, r"the package 'strange'.*tortch"),
    ],
    ids=["no such map", "no loss", "does not import"],
)
def test_a_loss_that_does_not_fit_is_refused_before_anything_starts(
    change: tuple[str, str],
    error: type[Exception],
    told: str,
    small_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert change[0] in SOURCE
    target = {"remembering": "strange_module:Remembering"}
    source = SOURCE.replace(*change)
    install_package(tmp_path / "site", "strange", "auxdrive.losses", target, source)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    config = parse_config({**SETTINGS, "data": str(small_data)})
    with pytest.raises(error, match=told):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_unknown_loss_is_told_with_the_nearest_name(small_data: Path) -> None:
    options = {**SETTINGS["options"], "loss": "hnit"}  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=r"unknown loss 'hnit'\. Did you mean 'hint'"):
        parse_config({**SETTINGS, "data": str(small_data), "options": options})


def test_the_package_is_listed_with_its_metadata_alone(package: Path) -> None:
    assert "remembering" in LOSSES.names()
    assert "others_module" not in sys.modules
    built_in = tuple(each.name for each in LOSSES.builtin)
    assert LOSSES.names()[: len(built_in)] == built_in
