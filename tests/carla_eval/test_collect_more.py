"""`auxdrive collect --more`: a recording continues with its own settings, and only the episodes
that exist are counted.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from auxdrive import cli
from auxdrive.data.dataset import Dataset
from auxdrive.errors import UsageError
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.settings import collect_settings
from auxdrive_eval.collecting.store import more_settings
from auxdrive_eval.simulators.settings import SimulatorSettings
from small_world import CAMERA

RECORD = (
    "--traffic",
    "2",
    "--size",
    "48x32",
    "--modalities",
    "rgb",
    "--seed",
    "3",
    "--route-seeds",
    "5,6",
    "--max-episode-s",
    "2",
)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert cli.run([*arguments, "--json"]) == 0
    result: dict[str, object] = json.loads(capsys.readouterr().out)
    return result


def test_more_episodes_are_those_that_a_longer_recording_would_have_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    first = printed(capsys, "collect", "--out", str(out), "--frames", "10", *RECORD)
    grown = printed(capsys, "collect", "--out", str(out), "--more", "2")
    assert isinstance(first["episodes"], int)
    assert grown["episodes"] == first["episodes"] + 2
    assert grown["newly_recorded_episodes"] == 2
    printed(
        capsys,
        "collect",
        "--out",
        str(tmp_path / "whole"),
        "--episodes",
        str(grown["episodes"]),
        *RECORD,
    )
    once, again = Dataset.open(tmp_path / "whole"), Dataset.open(out)
    assert once.episode_ids == again.episode_ids
    assert once.card == again.card
    for name in once.episode_ids:
        files = sorted((tmp_path / "whole" / "episodes" / name).iterdir())
        assert [file.read_bytes() for file in files] == [
            (out / "episodes" / name / file.name).read_bytes() for file in files
        ]


def test_more_takes_its_settings_from_the_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    assert cli.run(["collect", "--out", str(out), "--more", "2"]) == 2
    assert "holds no recording" in capsys.readouterr().err
    assert not out.exists()
    printed(capsys, "collect", "--out", str(out), "--episodes", "1", *RECORD)
    assert (
        cli.run(["collect", "--out", str(out), "--more", "1", "--seed", "4", "--episodes", "3"])
        == 2
    )
    said = " ".join(capsys.readouterr().err.split())
    assert "leave --episodes, --seed out" in said
    assert cli.run(["collect", "--out", str(out), "--more", "0"]) == 2
    assert "'--more'" in capsys.readouterr().err
    with pytest.raises(UsageError, match="1 or more, got 0"):
        more_settings(out, 0)
    assert len(Dataset.open(out).episode_ids) == 1


def test_surplus_episodes_are_no_recorded_ones(tmp_path: Path) -> None:
    simulator = SimulatorSettings(options={"traffic": 2, "camera": CAMERA})
    settings = {
        "simulator": simulator,
        "modalities": ("rgb",),
        "seed": 3,
        "route_seeds": (5, 6),
        "max_episode_s": 2.0,
    }
    made = collect(collect_settings(**settings, frames=20), tmp_path / "data", workers=3)
    assert made.recorded == made.episodes == len(Dataset.open(made.out).episode_ids)
    assert made.surplus >= 0
