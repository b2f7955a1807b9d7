"""Which round of DAgger is the result: chosen by validation routes alone, written where every
command that takes a run finds it, the same after a stop; and rounds that end early.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from auxdrive.bundles import Bundle
from auxdrive.cli import build_app
from auxdrive.errors import ConfigError, DataError, UsageError
from auxdrive.runs import CHOSEN_NAME, Chosen, RunFolder, run_in, write_chosen
from auxdrive.strict import read_model
from auxdrive_eval.collecting.settings import read_settings
from auxdrive_eval.dagger import rounds as rounds_module
from auxdrive_eval.dagger.choosing import chosen_round, is_over
from auxdrive_eval.dagger.folder import Round
from auxdrive_eval.dagger.rounds import Dagger, dagger_in
from auxdrive_eval.dagger.settings import DaggerConfig
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parent))  # tests are no package
from in_this_process import here
from test_dagger_from_nothing import RECORDED, TRAIN

SCORES = (40.0, 55.0, 55.0, 50.0, 70.0)


def config_of(**changes: Any) -> DaggerConfig:
    recorded = {**RECORDED, "modalities": ("rgb",)}
    values = {
        "collect": recorded, "train": TRAIN, "rounds": 4, "drive": "3000", "frames": 8,
        "ahead": False,
    }  # fmt: skip
    return DaggerConfig.model_validate(values | changes)


def rounds_with(*scores: float | None) -> list[Round]:
    return [Round(number=n, open_loop=0.5, driving_score=each) for n, each in enumerate(scores)]


def numbers(rounds: list[Round], **settings: Any) -> int | None:
    found = chosen_round(rounds, config_of(**settings))
    return None if found is None else found.number


def test_the_best_score_is_chosen_and_of_equal_ones_the_earlier() -> None:
    assert numbers(rounds_with(*SCORES[:4])) == 1
    assert numbers(rounds_with(*SCORES)) == 4
    assert numbers(rounds_with(0.0, 0.0)) == 0
    assert numbers(rounds_with(40.0, 55.0, None)) == 1  # the last is trained and not driven yet
    assert numbers(rounds_with(None)) == 0
    assert numbers(rounds_with(*SCORES[:4]), choose="last") == 3
    assert numbers(rounds_with(None, None, None), drive="") == 2
    assert numbers([Round(number=0)]) is None


def test_patience_counts_the_rounds_since_the_best() -> None:
    def over(*scores: float | None, patience: int | None = 2) -> bool:
        return is_over(rounds_with(*scores), config_of(patience=patience))

    assert not over(40.0, 55.0, 55.0)
    assert over(40.0, 55.0, 55.0, 50.0)
    assert over(40.0, 55.0, 55.0, patience=1)
    assert not over(*SCORES, patience=1)
    assert not over(40.0, 30.0, None)
    assert not over(40.0, 30.0, 20.0, 10.0, patience=None)
    assert not over()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"choose": "score", "drive": ""}, "choose: score needs drive"),
        ({"patience": 1, "drive": ""}, "patience goes by the driving score: give drive"),
        ({"patience": 1, "choose": "last"}, "patience goes by the driving score"),
        ({"patience": 0}, "patience"),
        ({"choose": "best"}, "choose"),
    ],
)
def test_what_cannot_be_chosen_by_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        config_of(**changes)


@contextmanager
def with_scores(
    out: Path, monkeypatch: pytest.MonkeyPatch, stop_at: str = "", **changes: Any
) -> Iterator[Dagger]:
    """Rounds whose stages take no time and whose driving scores are `SCORES`, and that are stopped
    in one of them.
    """

    def work(what: str, output: dict[str, Any]) -> Any:
        def run(self: Dagger, number: int) -> dict[str, Any]:
            if f"{what} {number}" == stop_at:
                raise KeyboardInterrupt
            score = {"driving_score": SCORES[number], "route_completion": 90.0}
            return score if what == "drive" else output

        return run

    with monkeypatch.context() as patch:
        patch.setattr(Dagger, "_check", lambda _: {})
        patch.setattr(Dagger, "_collect", work("collect", {"frames": 8, "episodes": 1}))
        patch.setattr(Dagger, "_train", work("train", {"best": {"epoch": 1, "val/ade_m": 0.5}}))
        patch.setattr(Dagger, "_drive", work("drive", {}))
        with dagger_in(out, config_of(**changes)) as rounds:
            yield rounds


def chosen_there(out: Path) -> str | None:
    return read_model(out / CHOSEN_NAME, Chosen).run


def test_rounds_end_early_and_a_larger_patience_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_scores(tmp_path, monkeypatch, patience=2) as rounds:
        assert chosen_there(tmp_path) is None
        with pytest.raises(UsageError, match="rounds of DAgger, none of which is trained yet"):
            run_in(tmp_path)
        rounds.run()
        assert [each.number for each in rounds.rounds] == [0, 1, 2, 3]
        assert [each.chosen for each in rounds.rounds] == [False, True, False, False]
    assert run_in(tmp_path) == tmp_path / "runs" / "round-1"
    summary = json.loads(
        CliRunner().invoke(build_app(), ["inspect", str(tmp_path), "--json"]).stdout
    )
    assert summary["chosen"]["run"] == "runs/round-1"
    assert summary["chosen"]["why"] == "driving score 55.0 on the routes 3000"
    assert [each["chosen"] for each in summary["rounds"]] == [False, True, False, False]
    shown = CliRunner().invoke(build_app(), ["inspect", str(tmp_path)])
    assert "chosen: runs/round-1 (driving score 55.0 on the routes 3000)" in shown.output
    assert "not trained yet" not in shown.output
    with with_scores(tmp_path, monkeypatch, patience=2) as rounds:  # again: nothing more
        rounds.run()
        assert "train 4" not in rounds.done
    with with_scores(tmp_path, monkeypatch, patience=3) as rounds:
        rounds.run()
        assert "drive 4" in rounds.done
    assert chosen_there(tmp_path) == "runs/round-4"
    with with_scores(tmp_path, monkeypatch, patience=1) as rounds:  # shorter: what is there stays
        rounds.run()
        assert [each.number for each in rounds.rounds] == [0, 1, 2, 3, 4]
    assert chosen_there(tmp_path) == "runs/round-4"


@pytest.mark.parametrize("stop_at", ["drive 0", "collect 1", "train 2", "drive 2", "drive 3"])
def test_a_stop_at_any_stage_changes_no_choice(
    stop_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with with_scores(tmp_path, monkeypatch, stop_at, patience=2) as rounds:
        with pytest.raises(KeyboardInterrupt):
            rounds.run()
        before = chosen_there(tmp_path)
    # of rounds that are driven the best; before that the one that is trained
    assert before == ("runs/round-0" if stop_at in ("drive 0", "collect 1") else "runs/round-1")
    with with_scores(tmp_path, monkeypatch, patience=2) as rounds:
        rounds.run()
        assert [each.number for each in rounds.rounds] == [0, 1, 2, 3]
    assert chosen_there(tmp_path) == "runs/round-1"


def test_a_kill_between_a_stage_and_the_choice_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def dies(folder: Path, chosen: Chosen) -> None:
        if chosen.run == "runs/round-1":
            raise Killed
        write_chosen(folder, chosen)

    with monkeypatch.context() as patch, with_scores(tmp_path, monkeypatch) as rounds:
        patch.setattr(rounds_module, "write_chosen", dies)
        with pytest.raises(Killed):
            rounds.run()
    assert chosen_there(tmp_path) == "runs/round-0"
    assert "drive 1" in json.loads((tmp_path / "dagger.json").read_text())["done"]
    with with_scores(tmp_path, monkeypatch):  # it is enough that the folder is opened again
        assert chosen_there(tmp_path) == "runs/round-1"


def test_a_choice_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    for place in ("../other", "/etc", "runs/../../x"):
        write_chosen(tmp_path, Chosen(what="runs", run=place))
        with pytest.raises(DataError, match="does not lie in"):
            run_in(tmp_path)
    (tmp_path / CHOSEN_NAME).write_text("{}")
    with pytest.raises(DataError, match="what"):
        run_in(tmp_path)
    assert run_in(tmp_path / "nowhere") == tmp_path / "nowhere"


@pytest.mark.slow
def test_every_command_that_takes_a_run_takes_the_chosen_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real rounds in small: the scores are those of the validation route, and nothing else was
    driven.
    """
    monkeypatch.setattr(rounds_module, "command", here)
    out = tmp_path / "dagger"
    with dagger_in(out, config_of(rounds=1)) as rounds:
        rounds.run()
        table, chosen = rounds.rounds, rounds.chosen
    for each in table:
        drive = out / "drives" / f"round-{each.number}"
        document = json.loads((drive / "results.json").read_text())
        records = document["_checkpoint"]["records"]
        assert [record["route_id"] for record in records] == ["RouteScenario_3000"]
        assert each.driving_score == records[0]["scores"]["score_composed"]
    first, one = table
    assert first.driving_score is not None
    assert one.driving_score is not None
    best = 1 if one.driving_score > first.driving_score else 0
    assert (chosen.run, run_in(out)) == (f"runs/round-{best}", out / "runs" / f"round-{best}")

    def command(*arguments: str) -> dict[str, Any]:
        return here(*arguments[:1], *arguments[1:], prefix="")

    # Of which run something is, tells the hash of its weights. The other round is chosen by hand:
    # what follows is of this one.
    for number in (1 - best, best):
        write_chosen(out, Chosen(what="rounds", run=f"runs/round-{number}"))
        name = f"round-{number}"
        bundle = tmp_path / f"bundle-{number}"
        command("export", str(out), "--out", str(bundle), "--no-ood")
        assert Bundle.open(bundle).card.name == name
        driven = command(
            "collect", "--driver", str(out), "--episodes", "1", "--max-episode-s", "2",
            "--traffic", "2", "--modalities", "rgb", "--no-ahead", "--route-seeds", "5",
            "--out", str(tmp_path / f"data-{number}"),
        )  # fmt: skip
        assert driven["episodes"] == 1
        recorded = read_settings(tmp_path / f"data-{number}" / "collect.json")
        assert recorded.student is not None
        assert recorded.student.name == name
    drive = tmp_path / "drive"
    command("drive", str(out), "--route-seeds", "3000", "--traffic", "2", "--out", str(drive))
    known = json.loads((drive / "driver.json").read_text())
    inner = out / "drives" / f"round-{best}" / "driver.json"
    assert known["sha256"] == json.loads(inner.read_text())["sha256"]
    assert RunFolder(run_in(out)).is_finished


def test_an_unknown_choice_is_told_by_its_key(tmp_path: Path) -> None:
    from auxdrive_eval.dagger.loading import load_dagger

    file = tmp_path / "dagger.yaml"
    file.write_text("data: data\nchoose: best\n")
    with pytest.raises(ConfigError, match="choose: must be 'score' or 'last'"):
        load_dagger(file)
