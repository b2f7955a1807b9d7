"""The engine end to end on a small data set: it learns, it resumes bit for bit after a kill, it
refuses what is wrong.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from auxdrive.cli import build_app
from auxdrive.errors import AuxdriveError, ConfigError, DataError, UsageError
from auxdrive.runs import RunResult
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.config import TrainConfig, dump_config, load_config, parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.train import train
from auxdrive_train.methods import METHODS
from typer.testing import CliRunner

SMALL = {
    "preprocessing": {"size": [64, 80]},
    "batch_size": 16,
    "threads": 1,
    "dropout": 0.1,
    "lr": 2e-3,
}


def settings_for(name: str, data: Path, **changes) -> TrainConfig:
    values = {**SMALL, "data": str(data), "method": name, "epochs": 2, **changes}
    if METHODS[name].needs_auxiliaries:
        values.setdefault("aux", ["depth", "lidar"])
    if name == "samd":
        values.setdefault("options", {"epochs_per_round": 1})
    if name == "umt":
        values.setdefault("options", {"probe_epochs": 1})
    return parse_config(values)


@pytest.mark.parametrize("task", ["steering", "waypoints"])
@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_trains_on_both_tasks_with_a_modality_missing_here_and_there(
    name: str, task: str, stripe_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "auxdrive_train")
    result = train(settings_for(name, stripe_data, task=task, evaluate=["test"]), tmp_path / "run")
    assert set(result.metrics) == {"val", "test"}
    view = {"teacher": "teacher", "selection": "selector"}.get(name, "student")
    assert view in result.metrics["test"]
    if METHODS[name].needs_auxiliaries:
        assert "1 of 4 training episodes lack depth" in caplog.text
    lines = [
        json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ]
    assert sum(record.epochs for record in result.phases) == len(lines)
    assert any((tmp_path / "run" / "tensorboard").iterdir())
    assert (
        load_run(tmp_path / "run").progress.best
        == result.best[load_run(tmp_path / "run").task.primary_metric]
    )


def test_the_baseline_learns_the_stripe(stripe_data: Path, tmp_path: Path) -> None:
    result = train(
        settings_for("baseline", stripe_data, epochs=40, batch_size=8, lr=3e-3, dropout=0.0),
        tmp_path / "run",
    )
    assert result.metrics["val"]["student"]["r2"] > 0.7


def weights(run: Path, name: str) -> dict[str, torch.Tensor]:
    return checkpoint.load(run / "checkpoints" / name).networks


def assert_same_run(ours: Path, theirs: Path) -> None:
    for name in ("last.safetensors", "best.safetensors"):
        mine, other = weights(ours, name), weights(theirs, name)
        assert mine.keys() == other.keys()
        for key, tensor in mine.items():
            assert torch.equal(tensor, other[key]), key
    timed = ("samples_per_s", "wait_share")
    lines = [
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        for run in (ours, theirs)
    ]
    logs = [
        [{key: value for key, value in record.items() if key not in timed} for record in run]
        for run in lines
    ]
    assert logs[0] == logs[1]


def start(config: Path, out: Path, resume: bool = False) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "from auxdrive.cli import main; main()",
        "train",
        str(config),
        "--out",
        str(out),
        *(["--resume"] if resume else []),
    ]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_weights(
    stripe_data: Path, tmp_path: Path
) -> None:
    made = settings_for("samd", stripe_data, epochs=6, options={"epochs_per_round": 2})
    train(made, tmp_path / "whole")
    config = tmp_path / "config.yaml"
    config.write_text(dump_config(made))
    killed = 0
    for attempt in range(12):
        process = start(
            config,
            tmp_path / "cut",
            resume=attempt > 0 and (tmp_path / "cut" / "config.yaml").exists(),
        )
        # Wait until this attempt has written at least one epoch more, then kill it at an arbitrary
        # moment.
        log = tmp_path / "cut" / "metrics.jsonl"
        had = log.stat().st_size if log.exists() else 0
        while process.poll() is None and (
            not log.exists() or log.stat().st_size <= had + 300 * attempt
        ):
            time.sleep(0.005)
        if process.poll() is not None:
            assert process.returncode == 0
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
    else:
        process = start(config, tmp_path / "cut", resume=True)
        assert process.wait() == 0
    assert killed >= 2
    assert_same_run(tmp_path / "cut", tmp_path / "whole")


def test_an_exception_in_any_epoch_and_a_resume_change_nothing(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for every method, by an error in the middle of a step instead of a kill."""
    from auxdrive_train.engine.loop import Trainer

    original = Trainer._step
    for name in ("umt", "dmcl"):
        made = settings_for(name, stripe_data)
        train(made, tmp_path / f"{name}-whole")
        calls = 0

        def failing(self, *arguments):
            nonlocal calls
            calls += 1
            if calls % 10 == 0:
                raise KeyboardInterrupt
            return original(self, *arguments)

        monkeypatch.setattr(Trainer, "_step", failing)
        for attempt in range(30):
            try:
                train(made, tmp_path / name, resume=attempt > 0)
                break
            except KeyboardInterrupt:
                continue
        monkeypatch.setattr(Trainer, "_step", original)
        assert attempt > 0
        assert_same_run(tmp_path / name, tmp_path / f"{name}-whole")


def test_a_finished_run_resumes_to_itself(stripe_data: Path, tmp_path: Path) -> None:
    made = settings_for("baseline", stripe_data)
    first = train(made, tmp_path / "run")
    assert train(made, tmp_path / "run", resume=True).metrics == first.metrics


def test_an_epoch_whose_metric_is_no_number_is_not_the_best(
    stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = iter([math.nan, 0.1, math.nan])
    monkeypatch.setattr(Trainer, "_validate", lambda *_: (next(figures), {}))
    train(settings_for("baseline", stripe_data, epochs=3), tmp_path / "run")
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["best"]["epoch"] == 2


def test_inspect_shows_a_run_of_the_trainer(stripe_data: Path, tmp_path: Path) -> None:
    trained = train(settings_for("dmcl", stripe_data, evaluate=["test"]), tmp_path / "run")
    result = CliRunner().invoke(build_app(), ["inspect", str(tmp_path / "run"), "--json"])
    summary = json.loads(result.stdout)
    assert (summary["kind"], summary["finished"], summary["broken"]) == ("run", True, [])
    assert summary["records"] == 2
    assert "best.safetensors" in summary["checkpoints"]
    assert "method: dmcl" in summary["config"]
    assert (summary["data"], summary["record"]["task"], summary["record"]["aux"]) == (
        "stripe",
        "steering",
        ["depth", "lidar"],
    )
    assert summary["result"] == trained.model_dump(mode="json")
    shown = CliRunner().invoke(build_app(), ["inspect", str(tmp_path / "run")]).output
    for expected in (
        "together, epoch",
        "2 in 1 phase(s)",
        "stripe",
        "dmcl on val",
        "dmcl on test",
        "oracle_loss",
        "the last 2 of 2 records",
    ):
        assert expected in shown
    assert "see config.yaml" not in shown
    (tmp_path / "run" / "result.json").unlink()
    assert (
        "has not finished"
        in CliRunner().invoke(build_app(), ["inspect", str(tmp_path / "run")]).output
    )


def test_train_prints_views_with_different_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no R2 of a view whose samples do not vary, and the oracle is of no view."""
    views = {
        "student": {"mae_deg": 1.5},
        "depth_network": {"mae_deg": 2.0, "r2": 0.25},
        "all": {"oracle_loss": 0.0625},
    }
    monkeypatch.setattr(
        "auxdrive_train.engine.train.train",
        lambda *_, **__: RunResult(
            method="dmcl",
            best={"phase": "together"},
            phases=(),
            steps=0,
            trained_s=0.0,
            metrics={"val": views, "test": {"student": {}}},
        ),
    )
    result = CliRunner().invoke(
        build_app(),
        [
            "train",
            "--data",
            "x",
            "--method",
            "dmcl",
            "--aux",
            "depth",
            "--out",
            str(tmp_path / "run"),
        ],
    )
    assert result.exit_code == 0, result.output
    rows = [
        [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]
        for line in result.output.splitlines()
        if line[:1] in ("│", "┃")
    ]
    assert rows == [
        ["", "student", "depth_network", "all"],
        ["mae_deg", "1.500", "2.000", "-"],
        ["r2", "-", "0.250", "-"],
        ["oracle_loss", "-", "-", "0.062"],
        ["", "student"],
    ]


@pytest.mark.slow
def test_two_processes_train_what_one_does(stripe_data: Path, tmp_path: Path) -> None:
    """Each takes half of every batch; without random augmentation their averaged gradients are
    those of the whole batch.
    """
    still = {
        "augment": {"mirror": 0, "brightness": 0, "contrast": 0, "saturation": 0},
        "dropout": 0.0,
        "epochs": 2,
        "clip_norm": 0,
    }
    train(settings_for("baseline", stripe_data, **still), tmp_path / "one")
    train(settings_for("baseline", stripe_data, **still, processes=2), tmp_path / "two")
    assert checkpoint.load(tmp_path / "two" / "checkpoints" / "last.safetensors").progress.finished
    one, two = (
        weights(tmp_path / "one", "last.safetensors"),
        weights(tmp_path / "two", "last.safetensors"),
    )
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=0, atol=2e-3)
    # What is logged is both processes' mean, not the first one's share.
    logs = [
        [json.loads(line) for line in (tmp_path / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("one", "two")
    ]
    assert [record["loss/total"] for record in logs[1]] == pytest.approx(
        [record["loss/total"] for record in logs[0]], rel=2e-2
    )


def test_what_is_wrong_with_a_run_is_said(stripe_data: Path, tmp_path: Path) -> None:
    made = settings_for("baseline", stripe_data, epochs=1)
    train(made, tmp_path / "run")
    with pytest.raises(UsageError, match="holds a run already; go on with --resume"):
        train(made, tmp_path / "run")
    with pytest.raises(UsageError, match=r"settings: lr was 0\.002 and is 0\.5\. Choose"):
        train(made.model_copy(update={"lr": 0.5}), tmp_path / "run", resume=True)
    last = tmp_path / "run" / "checkpoints" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(DataError, match="damaged"):
        train(made, tmp_path / "run", resume=True)
    with pytest.raises(DataError, match="no run"):
        load_run(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        train(made, tmp_path / "other")


def test_a_resume_needs_a_run_and_its_checkpoint(stripe_data: Path, tmp_path: Path) -> None:
    made = settings_for("baseline", stripe_data, epochs=2)
    with pytest.raises(UsageError, match="holds nothing that could be gone on with"):
        train(made, tmp_path / "run", resume=True)
    assert not (tmp_path / "run").exists()
    train(made, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "last.safetensors").unlink()
    with pytest.raises(
        DataError,
        match=r"last\.safetensors is missing, but .*metrics\.jsonl tells of finished epochs",
    ):
        train(made, tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 4096}, {"evaluate": ["tset"]}, {"aux": ["infrared"], "method": "dmcl"}],
)
def test_a_refused_start_leaves_nothing_behind(
    changes: dict[str, object], stripe_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(AuxdriveError):
        train(settings_for("baseline", stripe_data, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_mistake_in_several_processes_comes_out_as_it_was_raised(
    stripe_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="fewer than one batch"):
        train(settings_for("baseline", stripe_data, batch_size=4096, processes=2), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_early_stop_leaves_the_rounds_of_samd_whole(stripe_data: Path, tmp_path: Path) -> None:
    still = {"epochs": 6, "options": {"epochs_per_round": 3}, "early_stop": 1, "lr": 1e-12}
    result = train(settings_for("samd", stripe_data, **still), tmp_path / "samd")
    assert [record.epochs for record in result.phases] == [3, 3, 3, 3]
    result = train(
        settings_for("baseline", stripe_data, epochs=6, early_stop=1, lr=1e-12),
        tmp_path / "baseline",
    )
    assert [record.epochs for record in result.phases] == [2]


def test_other_data_under_the_same_name_are_not_resumed(stripe_data: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(stripe_data, data)
    made = settings_for("baseline", data, epochs=1)
    train(made, tmp_path / "run")
    (data / "dataset.json").write_text(
        (data / "dataset.json").read_text().replace('"stripe"', '"other"')
    )
    with pytest.raises(DataError, match="other settings or other data"):
        train(made, tmp_path / "run", resume=True)


def test_a_loss_that_explodes_is_said_and_nothing_is_lost(
    stripe_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(AuxdriveError, match="loss became"):
        train(
            settings_for("baseline", stripe_data, lr=1e18, clip_norm=0, epochs=30), tmp_path / "run"
        )


def test_every_mistake_of_a_configuration_is_reported_at_once_with_the_nearest_name(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "data: x\nmethod: smad\nbackbone: pilotnte\nepochz: 3\naugment: {miror: 1}\naux: [dept]\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, {}, [])
    for hint in ("'epochs'", "'mirror'", "'depth'"):
        assert hint in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load_config(
            None, {"data": "x", "method": "smad", "backbone": "pilotnte", "task": "stering"}, []
        )
    for hint in ("'samd'", "'pilotnet'", "'steering'"):
        assert hint in str(caught.value)
    # A field that is wrong in itself hides no mistake between others, nor a rule of the method; and
    # invents none about itself.
    wrong = {
        "data": "x",
        "lr": -1,
        "method": "samd",
        "aux": ["depth"],
        "epochs": 7,
        "batch_size": 9,
        "processes": 2,
        "weights": "w.pth",
    }
    with pytest.raises(ConfigError) as caught:
        load_config(None, wrong, [])
    for hint in (
        "lr: ",
        "epochs (7) must be a multiple",
        "batch_size: 9 cannot be shared out",
        "weights: weight files are for backbone resnet18 or resnet34, not pilotnet",
    ):
        assert hint in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"data": "x", "method": "dmcl", "aux": ["dept"]}, [])
    assert "'depth'" in str(caught.value)
    assert "at least one auxiliary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: x\nlr: 0.1\nlr: 0.2\n", "'lr' stands there twice"),
        ("data: x\naugment: {mirror: 1, mirror: 0}\n", "'mirror' stands there twice"),
        ("data: x\nmethod: samd\naux: depth\n", r"aux: must be a list: write \[depth\]"),
        ("data: x\nlr: .inf\n", "no finite number"),
        ("data: x\npreprocessing: {crop_top: 0.5, crop_bottom: 0.5}\n", "leave no row"),
        ("data: x\npreprocessing: {size: [66, 0]}\n", "greater than 0"),
    ],
)
def test_configurations_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "config.yaml", {}, [])


def test_a_crop_that_leaves_no_row_of_this_camera_is_refused_before_anything_is_written(
    stripe_data: Path, tmp_path: Path
) -> None:
    crop = {"size": [64, 80], "crop_top": 0.499, "crop_bottom": 0.499}
    with pytest.raises(ConfigError, match="leave no row of a picture with"):
        train(settings_for("baseline", stripe_data, preprocessing=crop), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_set_reaches_nested_keys_and_configurations_survive_a_round_trip(tmp_path: Path) -> None:
    made = load_config(
        None,
        {"data": "x", "aux": ["depth"], "method": "samd"},
        ["augment.mirror=0", "options.loss=hint", "epochs=10"],
    )
    assert made.augment.mirror == 0
    assert made.options == {"loss": "hint"}
    (tmp_path / "config.yaml").write_text(dump_config(made))
    assert load_config(tmp_path / "config.yaml", {}, []) == made
    for bad, message in (
        ("epochs", "path.to.key=value"),
        ("options.loss=hnt", "Did you mean 'hint'"),
        ("lr=[", "no YAML"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_config(None, {"data": "x", "aux": ["depth"], "method": "samd"}, [bad])
