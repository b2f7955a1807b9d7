"""`auxdrive inspect` on sweeps: runs in every state, damage, and an install that trains nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.runs import RunFolder
from auxdrive_train.sweeping.config import parse_sweep
from auxdrive_train.sweeping.folder import SweepFolder
from made_runs import make_run

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package
from inspecting import invoke, summary_of

NAMES = ("baseline+seed=0", "baseline+seed=1", "samd+seed=0", "samd+seed=1")


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep whose runs are finished, begun, failed and not begun."""
    out = tmp_path / "study"
    folder = SweepFolder(out)
    settings = {
        "base": {"data": "towns"}, "methods": ["baseline", "samd"], "seeds": [0, 1],
        "vary": {"lr": [0.001]},
    }  # fmt: skip
    folder.write(parse_sweep(settings, "it"), NAMES)
    finished, begun, *_ = (folder.run(name) for name in NAMES)
    make_run(finished.path, 0, 0.5, method="baseline")
    finished.metrics_path.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    make_run(begun.path, 1, 0.5, method="baseline")
    begun.result_path.unlink()
    begun.metrics_path.write_text('{"epoch": 1}\n{"epo')
    folder.write_failures({NAMES[2]: "its loss is not finite"})
    return out


def test_each_run_has_its_state(sweep: Path) -> None:
    found = summary_of(sweep)
    assert (found["kind"], found["path"], found["finished"]) == ("sweep", str(sweep), 1)
    assert found["sweep"]["methods"] == {"baseline": {}, "samd": {}}
    assert [(each["name"], each["state"], each["epochs"]) for each in found["runs"]] == list(
        zip(NAMES, ("finished", "begun", "failed", "to do"), (2, 1, 0, 0), strict=True)
    )
    assert [each["best"] for each in found["runs"]] == [{"ade_m": 0.5}, {}, {}, {}]
    assert found["broken"] == []
    assert found["doubts"] == [f"{NAMES[2]} failed: its loss is not finite"]


def test_what_is_printed_says_what_it_is_and_where_to_go_on(sweep: Path) -> None:
    shown = invoke(str(sweep))
    assert shown.exit_code == 0
    printed = " ".join(shown.stdout.split())
    for told in ("sweep study", "1 of 4 runs", "baseline, samd", "towns", "to do", "ade_m 0.5"):
        assert told in printed, told
    said = " ".join(shown.stderr.split())
    assert f"`auxdrive compare {sweep}` compares the runs that are finished" in said
    assert f"`auxdrive sweep --resume --out {sweep}` trains the others" in said
    assert "doubtful: samd+seed=0 failed: its loss is not finite" in said


def test_a_sweep_that_is_done_needs_no_resume(tmp_path: Path) -> None:
    out = tmp_path / "study"
    folder = SweepFolder(out)
    folder.write(parse_sweep({"methods": ["samd"], "seeds": [0]}, "it"), ["samd+seed=0"])
    make_run(folder.run("samd+seed=0").path, 0, 0.5)
    said = invoke(str(out)).stderr
    assert "auxdrive compare" in said
    assert "--resume" not in said


def test_damage_is_named_and_the_rest_is_shown(sweep: Path) -> None:
    RunFolder(sweep / "runs" / NAMES[0]).result_path.write_text("{")
    (sweep / "sweep.yaml").write_text("methods: [nothing, nothing]\n")
    (sweep / "runs.json").unlink()
    (sweep / "failures.json").write_text("[]")
    (sweep / "runs" / "stranger").mkdir()
    found = summary_of(sweep)
    assert found["sweep"] is None
    assert [each["name"] for each in found["runs"]] == [NAMES[0], NAMES[1], "stranger"]
    for name in ("sweep.yaml", "runs.json", "failures.json", f"{NAMES[0]}: "):
        assert any(name in line for line in found["broken"]), name
    shown = invoke(str(sweep))
    assert shown.exit_code == 1
    assert "damaged, see below" in shown.stdout


def test_a_folder_that_is_no_run_of_it_is_a_doubt(sweep: Path) -> None:
    (sweep / "runs" / "stranger").mkdir()
    assert "runs/stranger: belongs to no run of this sweep" in summary_of(sweep)["doubts"]


def test_an_install_without_the_extra_knows_a_sweep_and_says_what_it_lacks(
    sweep: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    code = (
        "import sys; sys.modules['yaml'] = None\n"
        "from auxdrive.cli import run; sys.exit(run(['inspect', sys.argv[1]]))"
    )
    said = {}
    for path in (sweep, tmp_path / "empty"):
        done = subprocess.run(
            [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, done.stderr
        said[path.name] = " ".join(done.stderr.split())
    assert "auxdrive[train]" in said["study"]
    assert "no sweep (sweep.yaml)" in said["empty"]
