"""A run that starts from another one's weights: what is taken, what is refused, what is recorded,
and that a resume needs the other run no more.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from auxdrive.cli import run as auxdrive
from auxdrive.errors import ConfigError, DataError, UsageError
from auxdrive.runs import RunFolder
from auxdrive_train.engine import epoch as epochs
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from small_runs import settings_for, weights

STILL = {"lr": 1e-12, "weight_decay": 0.0, "epochs": 1}
"""Settings under which weights stay as they were, but for batch norm's statistics, which PilotNet
has none of.
"""


@pytest.fixture(scope="module")
def sources(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    for name in ("baseline", "samd", "teacher"):
        train(settings_for(name, stripe_data, seed=7), folder / name)
    return {name: folder / name for name in ("baseline", "samd", "teacher")}


def best(run: Path) -> dict[str, torch.Tensor]:
    return weights(run, "best.safetensors")


def of(tensors: dict[str, torch.Tensor], network: str) -> dict[str, torch.Tensor]:
    return {
        key.removeprefix(f"{network}."): tensor
        for key, tensor in tensors.items()
        if key.startswith(f"{network}.")
    }


def assert_near(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for key, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[key], rtol=0, atol=1e-6, msg=key)


def test_the_student_starts_where_the_other_ended(
    stripe_data: Path, tmp_path: Path, sources: dict[str, Path]
) -> None:
    still = settings_for("baseline", stripe_data, init_from=str(sources["samd"]), **STILL)
    train(still, tmp_path / "run")
    assert_near(of(best(tmp_path / "run"), "student"), of(best(sources["samd"]), "student"))
    fresh = tmp_path / "fresh"
    train(settings_for("baseline", stripe_data, **STILL), fresh)
    with pytest.raises(AssertionError):
        assert_near(of(best(fresh), "student"), of(best(sources["samd"]), "student"))
    record = RunFolder(tmp_path / "run").record().init_from
    assert record is not None
    file = sources["samd"] / "checkpoints" / "best.safetensors"
    assert record.run == str(sources["samd"])
    assert record.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert record.networks == ("student",)
    assert RunFolder(fresh).record().init_from is None


def test_every_role_that_fits_is_taken_and_plain_networks_of_the_main_modality_are_students(
    stripe_data: Path, tmp_path: Path, sources: dict[str, Path]
) -> None:
    again = settings_for("teacher", stripe_data, init_from=str(sources["samd"]), **STILL)
    train(again, tmp_path / "teacher")
    assert_near(of(best(tmp_path / "teacher"), "teacher"), of(best(sources["samd"]), "teacher"))
    options = {"probe_epochs": 1}
    umt = settings_for(
        "umt", stripe_data, init_from=str(sources["baseline"]), options=options, **STILL
    )
    train(umt, tmp_path / "umt")
    student = of(best(sources["baseline"]), "student")
    assert_near(of(best(tmp_path / "umt"), "unimodal_rgb"), student)
    record = RunFolder(tmp_path / "umt").record().init_from
    assert record is not None
    assert set(record.networks) == {"unimodal_rgb", "student"}


@pytest.mark.parametrize(
    ("source", "changes", "message"),
    [
        ("baseline", {"task": "waypoints"}, "task was steering and is waypoints"),
        ("baseline", {"backbone": "resnet18"}, "backbone was pilotnet and is resnet18"),
        (
            "baseline",
            {"preprocessing": {"size": [66, 200]}},
            r"preprocessing.size was \[64, 80\] and is .*; its student does not fit",
        ),
        ("baseline", {"main": "edge"}, "main was rgb and is edge"),
        ("teacher", {}, "method was teacher and is baseline; it has no student, but teacher"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_differs_and_nothing_is_left(
    source: str, changes: dict[str, object], message: str,
    stripe_data: Path, tmp_path: Path, sources: dict[str, Path],
) -> None:  # fmt: skip
    asked = settings_for("baseline", stripe_data, init_from=str(sources[source]), **changes)
    with pytest.raises(ConfigError, match=message):
        train(asked, tmp_path / "run")
    assert not (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"task": "waypoints"}, "task was steering and is waypoints. Choose"),
        ({"backbone": "resnet18"}, "backbone was pilotnet and is resnet18; its student"),
    ],
)
def test_settings_that_may_differ_are_not_among_the_reasons(
    changes: dict[str, object], told: str, stripe_data: Path, tmp_path: Path,
    sources: dict[str, Path],
) -> None:  # fmt: skip
    harmless = {
        "preprocessing": {"size": [64, 80], "crop_top": 0.25}, "epochs": 7, "method": "samd",
        "aux": ["edge"],
    }  # fmt: skip
    asked = settings_for(
        "samd", stripe_data, init_from=str(sources["baseline"]), **harmless, **changes
    )
    with pytest.raises(ConfigError) as refused:
        train(asked, tmp_path / "run")
    reasons = str(refused.value).partition(f"{sources['baseline']}: ")[2]
    assert reasons.startswith(told)
    assert not [name for name in ("crop", "method", "aux", "epochs") if name in reasons]


def test_what_cannot_be_started_from_is_told_before_the_data_are_opened(
    tmp_path: Path, sources: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["train", "--data", str(tmp_path / "no-data"), "--out", str(tmp_path / "run")]
    assert auxdrive([*typed, "--init-from", str(tmp_path / "nosuch")]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "nosuch is no run: it has no config.yaml" in told
    assert "no-data" not in told
    assert auxdrive([*typed, "--init-from", str(sources["baseline"]), "--main", "edge"]) == 2
    assert "main was rgb and is edge" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_what_is_no_run_or_a_damaged_one_is_refused(
    stripe_data: Path, tmp_path: Path, sources: dict[str, Path]
) -> None:
    with pytest.raises(ConfigError, match=r"init_from: .* is no run"):
        train(settings_for("baseline", stripe_data, init_from=str(tmp_path)), tmp_path / "run")
    broken = tmp_path / "broken"
    shutil.copytree(sources["baseline"], broken)
    file = broken / "checkpoints" / "best.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"best\.safetensors is damaged"):
        train(settings_for("baseline", stripe_data, init_from=str(broken)), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"init_from: .*weight file"):
        parse_config(
            {"data": "d", "backbone": "resnet18", "weights": "w.pth", "init_from": "runs/a"}
        )


def interrupted(config: TrainConfig, out: Path, patch: pytest.MonkeyPatch, epoch: int) -> None:
    """Train until so many epochs have ended, and then be killed."""
    original = epochs.train_epoch
    ended = 0

    def train_epoch(*arguments: Any) -> dict[str, float]:
        nonlocal ended
        if ended == epoch:
            raise KeyboardInterrupt
        ended += 1
        return original(*arguments)

    with patch.context() as context:
        context.setattr("auxdrive_train.engine.loop.train_epoch", train_epoch)
        with pytest.raises(KeyboardInterrupt):
            train(config, out)


def test_a_resume_goes_on_from_its_own_checkpoint_and_needs_the_other_run_no_more(
    stripe_data: Path, tmp_path: Path, sources: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    shutil.copytree(sources["baseline"], source)
    config = settings_for("baseline", stripe_data, init_from=str(source))
    train(config, tmp_path / "whole")
    recorded = RunFolder(tmp_path / "whole").record()
    interrupted(config, tmp_path / "early", monkeypatch, 0)
    interrupted(config, tmp_path / "late", monkeypatch, 1)
    train(config, tmp_path / "early", resume=True)  # without a checkpoint: from the source again
    shutil.rmtree(source)
    train(config, tmp_path / "late", resume=True)
    for name in ("early", "late"):
        ours = best(tmp_path / name)
        for key, tensor in best(tmp_path / "whole").items():
            assert torch.equal(tensor, ours[key]), key
        assert RunFolder(tmp_path / name).record().init_from == recorded.init_from
    other = settings_for("baseline", stripe_data, init_from=str(sources["samd"]))
    with pytest.raises(UsageError, match=r"init_from was .* and is"):
        train(other, tmp_path / "late", resume=True)


def test_the_command_takes_it(
    stripe_data: Path, tmp_path: Path, sources: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    small = ["--epochs", "1", "--set", "preprocessing.size=[64,80]", "--set", "batch_size=16"]
    line = ["train", "--data", str(stripe_data), "--init-from", str(sources["samd"]), *small]
    assert auxdrive([*line, "--set", "threads=1", "--out", str(out)]) == 0
    assert f"starts from {sources['samd']}: student" in capsys.readouterr().err
    assert RunFolder(out).record().init_from is not None
    assert auxdrive(["inspect", str(out)]) == 0
    assert str(sources["samd"]) in capsys.readouterr().out
