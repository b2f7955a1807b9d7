"""`auxdrive sweep`: what fails hurts no other run, what is killed goes on, nothing is trained
twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from auxdrive import cli
from auxdrive.comparing.compare import compare
from auxdrive.errors import DataError, UsageError
from auxdrive.storage.folders import held
from auxdrive_train.engine.config_files import dump_config
from auxdrive_train.engine.train import train
from auxdrive_train.sweeping.config import SweepConfig, parse_sweep
from auxdrive_train.sweeping.folder import SweepFolder
from auxdrive_train.sweeping.members import members_of
from auxdrive_train.sweeping.sweep import run_sweep, sweep_states, takes_of
from made_runs import make_run
from small_runs import SMALL, weights


def small_sweep(data: Path, **values: Any) -> SweepConfig:
    base = {**SMALL, "data": str(data), "epochs": 1, **values.pop("base", {})}
    return parse_sweep({"base": base, "methods": ["baseline"], "seeds": [0], **values}, "it")


def test_a_run_that_fails_is_told_and_the_others_go_on(
    stripe_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sweep"
    arguments = [
        "sweep", "--data", str(stripe_data), "--methods", "baseline", "--seeds", "0", "--epochs",
        "1", "--vary", "batch_size=4096,16", "--set", "preprocessing.size=[64, 80]", "--out",
        str(out),
    ]  # fmt: skip
    assert cli.run([*arguments, "--dry-run", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["state"] for run in listed["runs"]] == ["to do", "to do"]
    assert not out.exists()
    assert cli.run([*arguments, "--json"]) == 2
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert [run["state"] for run in found["runs"]] == ["failed", "finished"]
    assert "fewer than one batch of 4096" in found["runs"][0]["reason"]
    assert [group["name"] for group in found["comparison"]["groups"]] == ["baseline"]
    assert "1 of 2 runs" in printed.err
    assert "--resume tries them again" in printed.err
    holes = compare([(None, out)]).holes
    assert list(holes) == [str(out / "runs" / "baseline+batch_size=4096+seed=0")]
    assert "fewer than one batch" in next(iter(holes.values()))
    before = (out / "runs" / "baseline+batch_size=16+seed=0" / "result.json").stat().st_mtime_ns
    assert cli.run([*arguments, "--resume"]) == 2
    assert "failed" in capsys.readouterr().err
    after = (out / "runs" / "baseline+batch_size=16+seed=0" / "result.json").stat().st_mtime_ns
    assert before == after
    assert cli.run(arguments) == 2
    assert "holds a sweep already; go on with --resume" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_that_was_killed_ends_with_the_same_weights_and_repeats_nothing(
    stripe_data: Path, tmp_path: Path
) -> None:
    out, sweep = tmp_path / "sweep", small_sweep(stripe_data, base={"epochs": 3}, seeds=[0, 1])
    SweepFolder(out).write(sweep, [])
    command = [sys.executable, "-m", "auxdrive", "sweep", "--out", str(out), "--resume"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    first, second = (SweepFolder(out).run(f"baseline+seed={seed}") for seed in (0, 1))
    deadline = time.monotonic() + 300
    while not (second.metrics_path.exists() and second.metrics_path.read_bytes().count(b"\n")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    wait_until_let_go(second.path, deadline)
    assert [each.state for each in sweep_states(sweep, out)] == ["finished", "begun"]
    kept = first.best_path.stat().st_mtime_ns
    states = run_sweep(sweep, out, resume=True, workers=2)
    assert [each.state for each in states] == ["finished", "finished"]
    assert first.best_path.stat().st_mtime_ns == kept
    for member, run in zip(members_of(sweep), (first, second), strict=True):
        alone = tmp_path / member.name
        result = train(member.config, alone)
        for file in ("best.safetensors", "last.safetensors"):
            ours, theirs = weights(run.path, file), weights(alone, file)
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(ours[name], theirs[name]) for name in ours), (member.name, file)
        assert run.result().metrics == result.metrics


def test_what_a_worker_takes_of_a_machine_follows_from_the_runs(stripe_data: Path) -> None:
    assert takes_of(small_sweep(stripe_data)) == {"CPU": 1.0}
    varied = small_sweep(stripe_data, vary={"threads": [1, 4], "device": ["cpu", "cuda"]})
    assert takes_of(varied) == {"CPU": 4.0, "GPU": 1.0}


def wait_until_let_go(folder: Path, deadline: float) -> None:
    """A worker ends a moment after the process that started it."""
    while True:
        try:
            with held(folder):
                return
        except UsageError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def begun(out: Path, sweep: SweepConfig) -> SweepFolder:
    """A sweep whose first run is finished, as its files say; nothing was trained."""
    folder, members = SweepFolder(out), members_of(sweep)
    folder.write(sweep, [member.name for member in members])
    run = make_run(folder.run(members[0].name).path, members[0].config.seed, 0.5, method="baseline")
    (run / "config.yaml").write_text(dump_config(members[0].config))
    return folder


def test_methods_and_seeds_may_be_added_and_nothing_else_changed(
    stripe_data: Path, tmp_path: Path
) -> None:
    out, sweep = tmp_path / "sweep", small_sweep(stripe_data)
    begun(out, sweep)
    more = small_sweep(
        stripe_data, methods=["baseline", "dmcl"], seeds=[0, 1], base={"aux": ["depth"]}
    )
    with pytest.raises(UsageError, match=r"base\.aux was not set and is"):
        run_sweep(more, out, resume=True)
    for changes, message in (
        ({"seeds": [1]}, "seed 0 was there and is not"),
        ({"vary": {"lr": [0.1, 0.2]}}, "vary was"),
        ({"methods": {"baseline": {"lr": 0.1}}}, "methods.baseline was"),
        ({"base": {"epochs": 2}}, "base.epochs was 1 and is 2"),
    ):
        with pytest.raises(UsageError, match=message):
            run_sweep(small_sweep(stripe_data, **changes), out, resume=True)
    with pytest.raises(UsageError, match="holds a sweep already"):
        run_sweep(sweep, out)
    with pytest.raises(UsageError, match="number of workers must be 1 or more"):
        run_sweep(sweep, out, resume=True, workers=0)
    grown = small_sweep(stripe_data, seeds=[1, 0])
    assert [each.state for each in sweep_states(grown, out)] == ["to do", "finished"]


def test_a_damaged_result_is_not_finished_and_another_run_is_refused(
    stripe_data: Path, tmp_path: Path
) -> None:
    out, sweep = tmp_path / "sweep", small_sweep(stripe_data, seeds=[0, 1])
    folder = begun(out, sweep)
    run = folder.run("baseline+seed=0")
    run.result_path.write_text("{")
    state, other = sweep_states(sweep, out)
    assert (state.state, other.state) == ("begun", "to do")
    assert "is damaged" in state.reason
    with pytest.raises(DataError, match=r"(?s)no finished result.*is damaged.*has not been begun"):
        compare([(None, out)])
    begun(tmp_path / "other", small_sweep(stripe_data, base={"lr": 0.5}))
    foreign = SweepFolder(tmp_path / "other")
    foreign.write(sweep, ["baseline+seed=0", "baseline+seed=1"])
    with pytest.raises(DataError, match=r"holds another run than the sweep's: lr was 0.5"):
        sweep_states(sweep, tmp_path / "other")
    (out / "failures.json").write_text("[]")
    with pytest.raises(DataError, match=r"failures\.json"):
        sweep_states(sweep, out)


def test_data_that_cannot_be_read_are_told_before_anything_begins(tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    with pytest.raises(DataError, match="no such folder"):
        run_sweep(small_sweep(tmp_path / "nowhere"), out)
    assert not out.exists()
