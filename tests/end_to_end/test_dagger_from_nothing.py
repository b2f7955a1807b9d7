"""`auxdrive dagger` from nothing: budgets by name, and the expert's recording in round 0."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from auxdrive.cli import run
from auxdrive.data.dataset import Dataset
from auxdrive.errors import AuxdriveError, ConfigError, UsageError
from auxdrive.strict_yaml import read_yaml
from auxdrive_eval.collecting.options import CollectOptions
from auxdrive_eval.commands.dagger import _budgets_and_files
from auxdrive_eval.dagger import rounds as rounds_module
from auxdrive_eval.dagger.budgets import BUDGETS, config_file
from auxdrive_eval.dagger.loading import load_dagger
from auxdrive_eval.dagger.rounds import dagger_in
from auxdrive_eval.dagger.settings import DaggerConfig
from auxdrive_train.engine.config_files import parse_config
from in_this_process import Stops, here

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "carla_eval"))  # tests are no package
from small_recording import tree

ROOT = Path(__file__).resolve().parents[2]
RECORDED = {
    "frames": 40, "modalities": "rgb", "size": "48x32", "traffic": 2, "route_seeds": "5-7",
    "max_episode_s": 4.0, "seed": 3, "delay_starts": 0.5, "sim_option": {"expert": "sighted"},
}  # fmt: skip
TYPED = (
    "--frames", "40", "--modalities", "rgb", "--size", "48x32", "--traffic", "2",
    "--route-seeds", "5-7", "--max-episode-s", "4", "--seed", "3", "--delay-starts", "0.5",
    "--sim-option", "expert=sighted",
)  # fmt: skip
TRAIN = {
    "task": "path_speed", "epochs": 1, "batch_size": 8, "threads": 1, "backbone": "pilotnet",
    "preprocessing": {"size": [66, 200]}, "balance": {"rest_every": 1, "turn_repeat": 1},
}  # fmt: skip


def written(path: Path, **changes: Any) -> Path:
    values = {"collect": RECORDED, "train": TRAIN, "rounds": 1, "frames": 8, "ahead": False}
    path.write_text(yaml.safe_dump(values | changes))
    return path


@pytest.mark.slow
def test_the_first_round_records_what_collect_records_also_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds_module, "command", here)
    out, config = tmp_path / "dagger", load_dagger(written(tmp_path / "dagger.yaml"))
    with dagger_in(out, config) as rounds:
        rounds.show(Stops())
        with pytest.raises(KeyboardInterrupt):
            rounds.run()
        assert [*rounds.done] == ["check"]
        assert rounds.rounds[0].frames is None
    with dagger_in(out, config) as rounds:
        rounds.run()
        first, one = rounds.rounds
    assert run(["collect", "--out", str(tmp_path / "collected"), *TYPED]) == 0
    recorded = tree(out / "data" / "round-0")
    assert recorded == tree(tmp_path / "collected")
    data = Dataset.open(out / "data" / "round-0")
    assert data.card.splits.keys() == {"train", "val", "test"}
    assert (first.frames, first.mix) == (first.frames_in_all, None)
    assert first.frames is not None
    assert first.frames >= 40
    assert first.frames == sum(len(data.episode(name)) for name in data.episode_ids)
    assert one.frames_in_all == first.frames + (one.frames or 0)
    trained = yaml.safe_load((out / "runs" / "round-1" / "config.yaml").read_text())
    assert trained["data"] == [str(out / "data" / f"round-{n}") for n in (0, 1)]
    again = load_dagger(written(tmp_path / "more.yaml", collect=RECORDED | {"frames": 41}))
    with pytest.raises(UsageError, match=r"collect\.frames was 40 and is 41"):
        _begin(out, again)


def _begin(out: Path, config: DaggerConfig) -> None:
    with dagger_in(out, config):
        pass


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        ({"frames": 5, "episodes": 2}, "collect: give the number of episodes or of frames"),
        ({}, "collect: give the number of episodes or of frames"),
        ({"frames": 5, "frame": 2}, "collect.frame: unknown key 'frame'. Did you mean 'frames'"),
        ({"frames": 5, "size": "128"}, "collect.size: size 128: write width x height"),
        ({"frames": 5, "modalities": "rgb,lidr"}, "collect.modalities, second entry: unknown mod"),
        ({"frames": 5, "modalities": ["edge"]}, "collect: record some of rgb"),
        ({"frames": 5, "conditions": "fog,hail"}, "collect.conditions: unknown condition 'hail'"),
        ({"frames": 5, "route_seeds": "9-"}, "collect.route_seeds: "),
        ({"frames": 5, "rate_hz": 3.0}, "collect: 3.0 Hz is not a whole number"),
        ({"frames": 5, "sim": "carl"}, "collect: unknown simulator 'carl'. Did you mean 'carla'"),
        ({"frames": 5, "sim_option": {"expert": "blind"}}, "collect: options of the simulator"),
        (
            {"frames": 5, "traffic": 3, "sim_option": {"traffic": 4}},
            "collect: give traffic or sim_option.traffic, not both",
        ),
        ({"frames": 5, "delay_starts": 2}, "collect.delay_starts: "),
        ({"frames": 5, "split_by": "road"}, "collect.split_by: must be 'episode' or 'town'"),
    ],
)
def test_a_mistake_in_the_recording_is_told_by_its_key(
    recorded: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        load_dagger(written(tmp_path / "wrong.yaml", collect=recorded))
    assert told in str(error.value)


def test_without_a_recording_and_without_data_there_is_nothing_to_learn_from(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match="give collect, the settings of the expert's recording"):
        load_dagger(written(tmp_path / "none.yaml", collect=None))


def test_a_mistake_in_a_training_ends_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds_module, "command", here)
    wrong = load_dagger(written(tmp_path / "wrong.yaml", train_on={"epoch": 3}))
    with (
        dagger_in(tmp_path / "out", wrong) as rounds,
        pytest.raises(AuxdriveError, match="Did you mean 'epochs'"),
    ):
        rounds.run()
    assert not (tmp_path / "out" / "data").exists()


@pytest.mark.parametrize("budget", [*BUDGETS])
def test_a_budget_is_all_that_a_student_takes(budget: str) -> None:
    config = load_dagger(config_file(budget))
    first, later = (parse_config({**config.training(number), "data": "data"}) for number in (0, 1))
    assert first.task == later.task == "path_speed"
    assert first.ema == later.ema
    assert first.augment == later.augment
    assert first.augment.speed_noise == 1.0  # the task's recipe
    assert config.data == ()
    assert config.collect is not None
    settings = config.collect.settings()
    assert settings.delay_starts == 0.5
    assert settings.simulator.options.model_dump()["expert"] == "sighted"


def test_a_name_is_a_budget_and_a_path_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("quick", "quick.yaml"):
        (tmp_path / name).write_text("rounds: 7\n")
    (tmp_path / "quarter").mkdir()
    assert config_file("quick") == BUDGETS["quick"]
    assert [read_yaml(config_file(given)) for given in ("./quick", "quick.yaml")] == [
        {"rounds": 7}, {"rounds": 7}
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"quik: no such file; unknown budget 'quik'\. Did you"):
        config_file("quik")
    assert _budgets_and_files("qu") == ["quick", "quarter/", "quick.yaml"]
    assert _budgets_and_files("st") == ["standard"]


def test_the_page_names_every_option_of_the_recording() -> None:
    page = (ROOT / "docs" / "dagger.md").read_text()
    for name in CollectOptions.model_fields:
        assert f"`{name}`" in page
