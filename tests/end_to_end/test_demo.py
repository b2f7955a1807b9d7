"""The demo in small: it ends with a page, says what it found, goes on after a stop, and refuses
other settings.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.errors import DataError, UsageError
from auxdrive_eval.dagger.budgets import BUDGETS
from auxdrive_eval.dagger.loading import load_dagger
from auxdrive_eval.demo import settings as recipe
from auxdrive_eval.demo.efforts import efforts
from auxdrive_eval.demo.settings import DemoSettings
from auxdrive_eval.demo.stages import STATE_NAME, demo_in

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from demo_seeds import measures, row_of

SMALL = (
    "--frames", "500", "--epochs", "1", "--rounds", "1", "--round-frames", "60", "--routes", "1",
)  # fmt: skip
SETTINGS = DemoSettings(frames=500, epochs=1, rounds=1, round_frames=60, routes=1)
# The demo's first route is 360 m long; the first of these seeds 150 m.
COMMAND = """
from auxdrive_eval.demo import settings
settings.FIRST_ROUTE_SEED = 3000
from auxdrive.cli import main
main()
"""


def demo(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        COMMAND,
        "demo",
        "--out",
        str(out),
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_demo_from_nothing_to_its_page_and_again(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    first = demo(out, *SMALL, "--json")
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    assert set(found["table"]["test part: plan_error_m"]) == {
        "first", "student", "(constant)", "(ego)", "(neighbours)"
    }  # fmt: skip
    for name in (
        "closed loop (embedded): routes completed",
        "closed loop (embedded): Avg. driving score, of 100",
        "infractions per km (embedded): Red lights infractions",
    ):
        assert set(found["table"][name]) == {"first", "student", "expert"}
    (latency,) = (row for name, row in found["table"].items() if "one thread: p50, ms" in name)
    assert set(latency) == {"first", "student"}
    assert found["seconds"].keys() == efforts(SETTINGS).keys()
    assert f"stage {len(found['seconds'])}/{len(found['seconds'])} · took" in first.stderr
    assert first.stderr.count("begin: collect 0") == 1
    assert [each["chosen"] for each in found["rounds"]] == [False, True]
    page = (out / "report.html").read_text()
    assert found["verdict"] in page.replace("&#39;", "'")
    assert "no CARLA scores" in page
    # Each driver's map of each route, side by side.
    assert page.count('class="map"') == 3
    # They drive in one world by the task's own controller, and push on nowhere.
    settings = [
        json.loads((out / "drives" / name / "settings.json").read_text())
        for name in ("first", "student", "expert")
    ]
    assert all(each["controller"] is None for each in settings)
    assert all(each["creep_after_s"] is None for each in settings)
    assert all(each["simulator"] == settings[0]["simulator"] for each in settings)
    assert settings[0]["simulator"]["options"]["expert"] == "sighted"
    assert max(found["seconds"].values()) < found["total_s"]
    # The demo over seeds reads the same folder.
    seed = measures(found, out)
    assert seed["metrics"]["student"]["driving score"] == pytest.approx(
        float(found["table"]["closed loop (embedded): Avg. driving score, of 100"]["student"]),
        abs=1e-2,
    )
    row = row_of("plan error, m", [seed, seed])
    assert row.keys() == {
        "first", "student", "student - first", "(constant)", "(ego)", "(neighbours)"
    }  # fmt: skip
    assert row_of("driving score", [seed])["expert"]["sd"] is None
    # Every stage is kept: the second run only writes the page.
    again = json.loads(demo(out, *SMALL, "--workers", "1", "--json").stdout)
    assert (again["seconds"], again["total_s"]) == (found["seconds"], found["total_s"])
    refused = demo(out, *SMALL, "--round-frames", "61")
    assert refused.returncode == 2
    assert "other settings" in refused.stderr
    assert "frames was 60 and is 61" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_demo_is_the_budget_but_for_what_is_given() -> None:
    budget, whole = load_dagger(BUDGETS["quick"]), DemoSettings().config()
    assert whole.model_dump(exclude={"train"}) == budget.model_dump(exclude={"train"})
    assert whole.train == {**budget.train, "seed": 0, "evaluate": ["test"]}
    assert budget.collect is not None
    assert budget.collect.settings().simulator.options.model_dump()["expert"] == "sighted"
    small = DemoSettings(frames=600, epochs=2, rounds=1, round_frames=70, seed=4).config()
    assert small.collect is not None
    assert (small.collect.frames, small.collect.seed) == (600, 4)
    assert (small.rounds, small.frames, small.seed) == (1, 70, 4)
    of_rounds = min(budget.train_on["epochs"], 2)
    assert [small.training(number)["epochs"] for number in (0, 1)] == [2, of_rounds]
    assert [small.training(number)["seed"] for number in (0, 1)] == [4, 4]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="not empty"), demo_in(tmp_path, DemoSettings()):
        pass
    assert demo(tmp_path, "--epochs", "3").returncode == 2


def test_too_few_frames_for_three_splits_are_refused_before_anything_is_recorded(
    tmp_path: Path,
) -> None:
    refused = demo(tmp_path / "demo", "--frames", "499")
    assert refused.returncode == 2
    assert "frames" in refused.stderr
    assert "500" in refused.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"recipe": {}, "done": []}',
        '{"recipe": {}, "done": {"collect 0": 3}}',
    ],
)
def test_a_damaged_state_is_named(content: str, tmp_path: Path) -> None:
    with demo_in(tmp_path, DemoSettings()):
        pass
    (tmp_path / STATE_NAME).write_text(content)
    with (
        pytest.raises(DataError, match=r"demo\.json is damaged"),
        demo_in(tmp_path, DemoSettings()),
    ):
        pass


def test_a_demo_of_another_version_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        with demo_in(tmp_path, DemoSettings()):
            pass
    with (
        pytest.raises(UsageError, match=r"collect\.seed was 0 and is 1; .*train\.seed was 0"),
        demo_in(tmp_path, DemoSettings(seed=1)),
    ):
        pass
    monkeypatch.setattr(recipe, "__version__", "9.9")
    with (
        pytest.raises(UsageError, match=r"other settings: version was .* and is 9\.9"),
        demo_in(tmp_path, DemoSettings()),
    ):
        pass


def test_how_far_it_is_counts_what_was_done_and_how_long_stages_take(tmp_path: Path) -> None:
    """Also of a demo that is gone on with; what is no stage of the demo's counts for nothing."""
    settings = SETTINGS
    told: list[object] = []

    class Told:
        def done(self, count: int = 1, *details: str, effort: float | None = None) -> None:
            told.append((count, details[0].split(" took ")[0], effort))

        def found(self, count: int, effort: float | None = None) -> None:
            told.append((count, effort))

        def within(self, share: float, effort: float | None = None) -> None: ...

        def expect(self, total: int) -> None: ...

    takes = efforts(settings)
    with demo_in(tmp_path, settings) as made:
        made.show(Told())
        made.stage("collect 0", dict)
        made.stage("of another kind", dict)
        assert made.work.total == len(takes)
        assert made.work.effort == sum(takes.values())
    with demo_in(tmp_path, settings) as again:
        again.show(Told())
        again.stage("train 1", dict)
    assert told == [
        (0, 0), (1, "collect 0", takes["collect 0"]), (1, takes["collect 0"]),
        (1, "train 1", takes["train 1"]),
    ]  # fmt: skip
