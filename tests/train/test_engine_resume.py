"""A run resumes bit for bit after a kill; a start or a resume that cannot be is refused and leaves
nothing behind.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from auxdrive.errors import AuxdriveError, DataError, UsageError
from auxdrive_train.engine import epoch
from auxdrive_train.engine.config_files import dump_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from small_runs import assert_same_run, settings_for, train_with_interruptions


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
    """By an error in the middle of a step instead of a kill, also after epochs of the phase that
    are finished. Every method, an epoch to each phase: `tests/checks/test_every_method.py`.
    """
    original = epoch._step
    made = settings_for("dmcl", stripe_data)
    train(made, tmp_path / "whole")
    calls = 0

    def failing(*arguments):
        nonlocal calls
        calls += 1
        if calls % 10 == 0:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(epoch, "_step", failing)
    assert train_with_interruptions(made, tmp_path / "cut") > 0
    assert_same_run(tmp_path / "cut", tmp_path / "whole")


def test_a_finished_run_resumes_to_itself(stripe_data: Path, tmp_path: Path) -> None:
    made = settings_for("baseline", stripe_data)
    first = train(made, tmp_path / "run")
    assert train(made, tmp_path / "run", resume=True).metrics == first.metrics


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
    with pytest.raises(UsageError, match="holds nothing that could be resumed"):
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


def test_other_data_under_the_same_name_are_not_resumed(stripe_data: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(stripe_data, data)
    made = settings_for("baseline", data, epochs=1)
    train(made, tmp_path / "run")
    (data / "dataset.json").write_text(
        (data / "dataset.json").read_text().replace('"stripe"', '"other"')
    )
    with pytest.raises(DataError, match="another config or other data"):
        train(made, tmp_path / "run", resume=True)
