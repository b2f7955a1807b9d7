"""Checkpoints that were damaged, or that somebody rewrote: refused by one kind of error, and no
changed weight is ever used.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from auxdrive.cli import build_app
from auxdrive.errors import DataError
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.checkpoint import Checkpoint, content_sha256
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.progress import Progress
from auxdrive_train.engine.train import train
from auxdrive_train.methods.phases import PhaseRecord
from torch import Tensor
from typer.testing import CliRunner

FUZZ = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz"


def small() -> Checkpoint:
    progress = Progress(
        phase=1,
        epoch=1,
        history=[PhaseRecord("a", 2, "student", float("nan"), 0.5)],
        watched=[float("nan")],
    )
    step = {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2), "exp_avg_sq": torch.ones(2)}}
    tensors = {
        "weight": torch.arange(6.0).reshape(2, 3),
        "count": torch.tensor(3),
        "half": torch.ones(2, dtype=torch.bfloat16),
    }
    return Checkpoint(
        tensors,
        progress,
        "f" * 64,
        {"weight": torch.zeros(0)},
        {"teacher": {"head.bias": torch.ones(1)}},
        {"a/b": step},
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "last.safetensors"
    checkpoint.save(path, small())
    return path


def parts_of(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    data = path.read_bytes()
    texts = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    return texts, safetensors.torch.load(data)


def rewrite(path: Path, change: Callable[[dict[str, str], dict[str, Tensor]], object]) -> None:
    """Change what a file says, and make its SHA-256 right again."""
    texts, tensors = parts_of(path)
    change(texts, tensors)
    texts["sha256"] = content_sha256(texts, tensors)
    path.write_bytes(safetensors.torch.save(tensors, metadata=texts))


def test_a_checkpoint_survives_the_round_trip(file: Path) -> None:
    wanted, found = small(), checkpoint.load(file)
    assert found.progress.model_dump_json() == wanted.progress.model_dump_json()
    assert json.loads(found.progress.model_dump_json())["watched"] == [
        None
    ]  # a metric that is no number
    assert (found.fingerprint, found.networks.keys()) == (
        wanted.fingerprint,
        wanted.networks.keys(),
    )
    for name, tensor in wanted.networks.items():
        assert found.networks[name].dtype == tensor.dtype
        assert torch.equal(found.networks[name], tensor)
    assert found.phase_best["weight"].numel() == 0
    assert torch.equal(found.roles["teacher"]["head.bias"], torch.ones(1))
    assert found.optimizers["a/b"][0].keys() == {"step", "exp_avg", "exp_avg_sq"}


def test_every_changed_byte_is_refused_or_harmless(file: Path) -> None:
    """Each byte of a small file, one by one."""
    data, sound = file.read_bytes(), checkpoint.load(file)
    harmless, refused = 0, []
    for place in range(len(data)):
        file.write_bytes(
            data[:place] + bytes([data[place] ^ (1 << (place % 8))]) + data[place + 1 :]
        )
        try:
            found = checkpoint.load(file)
        except DataError as error:
            refused.append(str(error))
            continue
        harmless += 1
        assert found.progress.model_dump_json() == sound.progress.model_dump_json()
        assert found.fingerprint == sound.fingerprint
        for ours, theirs in (
            (found.networks, sound.networks),
            (found.phase_best, sound.phase_best),
            (found.roles, sound.roles),
        ):
            assert ours.keys() == theirs.keys()
        assert all(
            torch.equal(found.networks[name], tensor) for name, tensor in sound.networks.items()
        )
    assert harmless < len(data) / 50
    assert all(message.startswith(f"the checkpoint {file} is damaged: ") for message in refused)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("phase", 2), ("phase", -1), ("phase", 1.5), ("phase", True), ("phase", "1"), ("epoch", 5),
        ("step", 2**60), ("more", 1), ("history", []), ("history", [{"name": "a"}]),
        ("history", [{"name": "a", "epochs": 2, "watch": "s", "best": "x", "last": 1}]),
        ("history", [{"name": "a", "epochs": 2, "watch": "s", "best": 1, "last": 1, "more": 1}]),
        ("watched", 3), ("watched", ["a"]), ("finished", 1), ("trained_s", -1), ("log_bytes", -1),
        ("clipped", 1), ("best_phase", None), ("best", []),
    ],
)  # fmt: skip
def test_progress_that_no_run_could_have_made_is_damage(file: Path, key: str, value: Any) -> None:
    def change(texts: dict[str, str], _: dict[str, Tensor]) -> None:
        texts["progress"] = json.dumps({**json.loads(texts["progress"]), key: value})

    rewrite(file, change)
    with pytest.raises(DataError, match="is damaged: its progress is not valid"):
        checkpoint.load(file)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "[" * 10_000,
        '{"phase": NaN}',
        '{"phase": 1, "phase": 1}',
        '{"trained_s": 1e999}',
    ],
)
def test_texts_that_are_no_progress_are_damage(file: Path, text: str) -> None:
    rewrite(file, lambda texts, _: texts.__setitem__("progress", text))
    with pytest.raises(DataError, match="is damaged: its progress"):
        checkpoint.load(file)


def test_other_files_are_told_from_checkpoints(file: Path, tmp_path: Path) -> None:
    rewrite(file, lambda texts, _: texts.__setitem__("format", "auxdrive-checkpoint-1"))
    with pytest.raises(DataError, match="none of this version"):
        checkpoint.load(file)
    for data in (
        b"",
        b"x",
        b"\xff" * 100,
        b"\x02\x00\x00\x00\x00\x00\x00\x00{}",
        b"\x02\x00\x00\x00\x00\x00\x00\x00[]",
        bytes(8),
    ):
        file.write_bytes(data)
        with pytest.raises(DataError, match="is damaged"):
            checkpoint.load(file)
    with pytest.raises(DataError, match="a file is needed here"):
        checkpoint.load(tmp_path)
    with pytest.raises(DataError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "nothing")


def test_tensors_that_nobody_knows_are_damage(file: Path) -> None:
    for name in ("weights", "optim/a/x/step", "optim/0", "role/student/bias", "net"):
        checkpoint.save(file, small())
        rewrite(file, lambda _, tensors, name=name: tensors.__setitem__(name, torch.ones(1)))
        if name == "net":
            checkpoint.load(file)  # a tensor with an empty name; no network takes it
            continue
        with pytest.raises(DataError, match="nobody knows what its tensor"):
            checkpoint.load(file)


def config_of(data: Path) -> TrainConfig:
    values = {
        "data": str(data), "method": "samd", "aux": ["lidar"], "epochs": 2, "batch_size": 16,
        "threads": 1, "preprocessing": {"size": [64, 80]}, "options": {"epochs_per_round": 1},
    }  # fmt: skip
    return parse_config(values)


@pytest.fixture(scope="module")
def trained(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("damage") / "run"
    train(config_of(stripe_data), out)
    return out


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.__setitem__("net/student.encoder.dense.0.bias", torch.zeros(3)),
        lambda tensors: tensors.__setitem__(
            "net/student.encoder.dense.0.bias", torch.zeros(100, dtype=torch.float64)
        ),
        lambda tensors: tensors.pop("net/student.encoder.dense.0.bias"),
        lambda tensors: tensors.__setitem__("net/student.more", torch.zeros(3)),
        lambda tensors: tensors.__setitem__("role/teacher/more", torch.zeros(3)),
    ],
    ids=["shape", "type", "lacking", "surplus", "role"],
)
def test_weights_of_other_networks_are_refused(
    change: Callable[[dict[str, Tensor]], object], trained: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    rewrite(run / "checkpoints" / "best.safetensors", lambda _, tensors: change(tensors))
    with pytest.raises(DataError, match="does not fit"):
        load_run(run)


def test_an_optimisers_state_of_other_parameters_is_refused(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auxdrive_train.engine.loop import Trainer

    original, calls = Trainer._save, 0

    def stopping(self: Trainer) -> None:
        nonlocal calls
        original(self)
        calls += 1
        if calls == 3:  # the student's first epoch
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_save", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(config_of(stripe_data), tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "last.safetensors"
    sound = last.read_bytes()
    for name, value in (
        ("optim/student/0/exp_avg", torch.zeros(1)),
        ("optim/student/99/step", torch.tensor(1.0)),
        ("optim/student/0/x", torch.ones(1)),
    ):
        last.write_bytes(sound)
        rewrite(last, lambda _, tensors, name=name, value=value: tensors.__setitem__(name, value))
        with pytest.raises(DataError, match="its optimiser does not fit"):
            train(config_of(stripe_data), tmp_path / "run", resume=True)
    last.write_bytes(sound)
    train(config_of(stripe_data), tmp_path / "run", resume=True)


def test_a_changed_weight_is_neither_exported_nor_taken_up(
    stripe_data: Path, trained: Path, tmp_path: Path
) -> None:
    """One bit of one weight: exit code 2 and no bundle, where it used to be exit code 0."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    for name in ("best", "last"):
        path = run / "checkpoints" / f"{name}.safetensors"
        data = bytearray(path.read_bytes())
        data[-1000] ^= 1
        path.write_bytes(data)
    result = CliRunner().invoke(
        build_app(), ["export", str(run), "--out", str(tmp_path / "bundle")]
    )
    assert result.exit_code != 0
    assert isinstance(result.exception, DataError | SystemExit)
    assert not (tmp_path / "bundle").exists()
    with pytest.raises(
        DataError, match=r"last\.safetensors is damaged: its content is not what was written"
    ):
        train(config_of(stripe_data), run, resume=True)


def test_the_fuzzer_of_checkpoints_finds_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(FUZZ / "checkpoints.py"),
        "--count",
        "100",
        "--seed",
        "7",
        "--out",
        str(tmp_path / "result.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["count"] == 100
    assert result["outcomes"]["DataError"] > 50
