"""The demo in small: it ends with a page, says what it found, goes on after a stop, and refuses
other settings.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from auxdrive.errors import DataError, UsageError
from auxdrive_eval.demo import settings as recipe
from auxdrive_eval.demo.efforts import efforts
from auxdrive_eval.demo.settings import DemoSettings
from auxdrive_eval.demo.stages import STATE_NAME, demo_in

SMALL = ("--frames", "500", "--epochs", "1", "--routes", "1")
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
    for name in (
        "test part: ADE, m",
        "test part: path's pure-pursuit angle within 7.5° (road wheel), %",
    ):
        assert set(found["table"][name]) == {
            "baseline",
            "student",
            "teacher",
            "(constant)",
            "(ego)",
            "(neighbours)",
        }
    for name in (
        "closed loop (embedded): routes completed",
        "closed loop (embedded): Avg. driving score, of 100",
        "infractions per km (embedded): Red lights infractions",
    ):
        assert set(found["table"][name]) == {"baseline", "student", "teacher", "expert"}
    assert set(found["table"]["latency, one thread: p50, ms"]) == {"baseline", "student", "teacher"}
    settings = DemoSettings(frames=500, epochs=1, routes=1)
    assert found["seconds"].keys() == efforts(settings).keys()
    assert f"stage {len(found['seconds'])}/{len(found['seconds'])} · took" in first.stderr
    assert "collect: frame " in first.stderr
    page = (out / "report.html").read_text()
    assert found["verdict"] in page.replace("&#39;", "'")
    assert "no CARLA scores" in page
    # Each driver's map of each route, side by side.
    assert page.count('class="map"') == 4
    # The upper bound is a run of its own, and as long as the student's.
    epochs = {
        run.name: len((run / "metrics.jsonl").read_text().splitlines())
        for run in (out / "runs").iterdir()
    }
    assert epochs == {"baseline": 1, "samd": 2, "teacher": 1}
    assert json.loads((out / "runs" / "teacher" / "result.json").read_text())["metrics"][
        "test"
    ].keys() == {"teacher"}
    # Stages that ran side by side take less time together than the sum of their own.
    assert max(found["seconds"].values()) < found["total_s"] <= sum(found["seconds"].values())
    # Every stage is kept: the second run only writes the page.
    again = json.loads(demo(out, *SMALL, "--json").stdout)
    assert (again["seconds"], again["total_s"]) == (found["seconds"], found["total_s"])
    refused = demo(out, "--frames", "501", "--epochs", "1", "--routes", "1")
    assert refused.returncode == 2
    assert "other settings" in refused.stderr
    assert "Traceback" not in refused.stderr


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
        '{"settings": {}, "done": []}',
        '{"settings": {}, "recipe": {}, "done": {"collect": 3}}',
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
    monkeypatch.setattr(recipe, "TRAINING", (*recipe.TRAINING, "lr=0.1"))
    with (
        pytest.raises(UsageError, match="other settings: training was"),
        demo_in(tmp_path, DemoSettings()),
    ):
        pass
    monkeypatch.undo()
    monkeypatch.setattr(recipe, "__version__", "9.9")
    with (
        pytest.raises(UsageError, match=r"other settings: version was .* and is 9\.9"),
        demo_in(tmp_path, DemoSettings()),
    ):
        pass


def test_how_far_it_is_counts_what_was_done_and_how_long_stages_take(tmp_path: Path) -> None:
    """Also of a demo that is gone on with; what is no stage of the demo's counts for nothing."""
    settings = DemoSettings(frames=500, epochs=2, routes=1)
    told: list[object] = []

    class Told:
        def done(self, count: int = 1, *details: str, effort: float | None = None) -> None:
            told.append((count, details[0].split(" took ")[0], effort))

        def found(self, count: int, effort: float | None = None) -> None:
            told.append((count, effort))

        def within(self, share: float) -> None: ...

        def expect(self, total: int) -> None: ...

    takes = efforts(settings)
    with demo_in(tmp_path, settings) as made:
        made.show(Told())
        made.stage("collect", dict)
        made.stage("of another kind", dict)
        assert made.work.total == len(takes)
        assert made.work.effort == sum(takes.values())
    with demo_in(tmp_path, settings) as again:
        again.show(Told())
        again.stage("train samd", dict)
    assert told == [
        (0, 0), (1, "collect", takes["collect"]), (1, takes["collect"]),
        (1, "train samd", takes["train samd"]),
    ]  # fmt: skip


def test_the_first_stage_that_fails_ends_the_others_and_is_said(tmp_path: Path) -> None:
    begun = []

    def works(name: str) -> dict[str, int]:
        begun.append(name)
        if name == "broken":
            raise DataError("no lamp, no light")
        return {"n": 1}

    with demo_in(tmp_path, DemoSettings()) as made, pytest.raises(DataError, match="no lamp"):
        made.lanes(
            [
                partial(made.stage, name, partial(works, name))
                for name in ("fine", "broken", "later", "last")
            ],
            at_once=1,
        )
    assert begun[:2] == ["fine", "broken"]
    assert "last" not in begun
    with demo_in(tmp_path, DemoSettings()) as again:
        assert again.done.keys() == {*begun} - {"broken"}
