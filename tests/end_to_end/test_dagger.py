"""`auxdrive dagger` in small: two rounds in a tiny world, their table, and the same bits after a
stop. Each training runs in this process, through the command line, and no process of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.errors import ConfigError, UsageError
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.dagger import rounds as rounds_module
from auxdrive_eval.dagger.loading import load_dagger
from auxdrive_eval.dagger.rounds import dagger_in
from auxdrive_eval.dagger.settings import DaggerConfig
from auxdrive_train.engine.config_files import parse_config
from in_this_process import Stops, of_a_round
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "carla_eval"))  # tests are no package
from small_recording import settings, tree

ROOT = Path(__file__).resolve().parents[2]
TRAIN = {
    "task": "waypoints", "epochs": 1, "batch_size": 8, "threads": 1, "backbone": "pilotnet",
    "preprocessing": {"size": [66, 200]}, "balance": {"rest_every": 1, "turn_repeat": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def expert_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("expert") / "expert"
    small = {"episodes": 3, "route_seeds": (5, 6, 7), "modalities": ("rgb",), "max_episode_s": 4.0}
    collect(settings(**small), out)
    return out


def config_of(data: Path, **changes: Any) -> dict[str, Any]:
    further = {"balance": {"mistake_repeat": 2}}
    values: dict[str, Any] = {
        "data": str(data), "train": TRAIN, "train_on": further, "rounds": 2, "frames": 10,
        "mix": [0.5, 0],
    }  # fmt: skip
    return values | changes


def written(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(values))
    return path


def made(out: Path) -> dict[str, bytes]:
    """What was recorded, and the weights; the header before these says how long it took, too."""
    episodes = {n: data for n, data in tree(out / "data").items() if "/episodes/" in n}
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("best.safe*")}
    weights = {n: data[8 + int.from_bytes(data[:8], "little") :] for n, data in files.items()}
    return episodes | weights


@pytest.mark.slow
def test_two_rounds_and_the_same_bits_after_a_stop(
    expert_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds_module, "command", of_a_round)
    out, again = tmp_path / "dagger", tmp_path / "again"
    file = written(tmp_path / "dagger.yaml", config_of(expert_data))
    with dagger_in(out, load_dagger(file)) as rounds:
        rounds.run()
        table = rounds.rounds
    assert [each.mix for each in table] == [None, 0.5, 0.0]
    assert all(each.open_loop and each.metric for each in table)
    first, one, two = table
    assert first.frames == 48
    assert one.frames is not None
    assert one.frames >= 10
    assert one.mistakes is not None
    assert two.frames_in_all == 48 + one.frames + (two.frames or 0)
    assert two.driving_score is None  # no validation routes were asked for
    data = Dataset.open([expert_data, out / "data" / "round-1", out / "data" / "round-2"])
    assert "driven by the student round-1 (sha256" in data.parts[2].card.source
    assert data.parts[1].card.splits.keys() == {"train"}
    trained = yaml.safe_load((out / "runs" / "round-2" / "config.yaml").read_text())
    assert len(trained["data"]) == 3
    assert trained["balance"]["mistake_repeat"] == 2
    assert trained["init_from"] == str(out / "runs" / "round-1")
    shown = CliRunner().invoke(build_app(), ["inspect", str(out), "--json"])
    assert [each["frames"] for each in json.loads(shown.stdout)["rounds"]] == [
        each.frames for each in table
    ]

    fewer = load_dagger(written(tmp_path / "fewer.yaml", config_of(expert_data, rounds=1, mix=0.5)))
    with dagger_in(again, fewer) as rounds:
        rounds.show(Stops())
        with pytest.raises(KeyboardInterrupt):
            rounds.run()
    assert [*rounds.done] == ["check", "train 0"]
    with dagger_in(again, fewer) as rounds:
        rounds.run()
    of_two = {name: data for name, data in made(out).items() if "round-2" not in name}
    assert made(again) == of_two
    assert len(of_two) > 5
    _begin(again, load_dagger(file))  # one round more
    with pytest.raises(UsageError, match="frames was 10 and is 11"):
        _begin(again, DaggerConfig.model_validate(load_dagger(file).model_dump() | {"frames": 11}))


def _begin(out: Path, config: DaggerConfig) -> None:
    with dagger_in(out, config):
        pass


def test_mistakes_are_told_before_anything_starts(expert_data: Path, tmp_path: Path) -> None:
    wrong = config_of(
        expert_data, mix=1.5, train={"data": "x"}, routes="5-", controller="pure", epochs=3
    )
    with pytest.raises(ConfigError) as told:
        load_dagger(written(tmp_path / "wrong.yaml", wrong))
    for words in ("mix", "train: leave data out", "route seeds", "pure_pursuit", "epochs"):
        assert words in str(told.value)
    with pytest.raises(UsageError, match="is no recording of `auxdrive collect`, by which"):
        _begin(tmp_path / "out", DaggerConfig(data=(tmp_path,)))
    assert not (tmp_path / "out").exists()


def test_the_page_names_every_setting_and_the_example_is_sound() -> None:
    page = (ROOT / "docs" / "dagger.md").read_text()
    for name in DaggerConfig.model_fields:
        assert f"| `{name}` |" in page
    example = load_dagger(ROOT / "examples" / "dagger.yaml")
    first, later = (parse_config({**example.training(number), "data": "data"}) for number in (0, 1))
    assert (first.balance.mistake_repeat, later.balance.mistake_repeat) == (1, 3)
    assert first.balance.turn_repeat == later.balance.turn_repeat == 3  # the recipe's
