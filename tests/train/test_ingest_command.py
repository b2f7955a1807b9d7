"""The command and its options."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.errors import AuxdriveError, UsageError
from auxdrive_train.ingest.source import SourceOptions
from recordings import make_tub
from typer.testing import CliRunner


@pytest.mark.parametrize(
    "bad",
    [
        *(
            {"max_steer_deg": 0},
            {"max_steer_deg": 91},
            {"rate_hz": 0},
            {"side_correction": math.nan},
        ),
        *({"fov_deg": value} for value in (0, -90, 180, math.nan, math.inf)),
        *({"wheelbase_m": value} for value in (0, -1, 101, math.nan, math.inf)),
    ],
)
def test_options_that_cannot_be(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        SourceOptions(**bad)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(build_app(), ["ingest", *arguments])


def test_the_command(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub")
    out = str(tmp_path / "out")
    same = (
        "donkey",
        str(tub),
        "--out",
        out,
        "--split",
        "train=:4",
        "--image-size",
        "8x6",
        "--fov-deg",
        "120",
        "--wheelbase-m",
        "0.25",
    )
    result = invoke(*same, "--derive", "edge", "--json")
    assert result.exit_code == 0, result.output
    assert "ingesting tub: 8 images" in result.stderr
    assert "image 8/8 · took" in result.stderr
    document = json.loads(result.stdout)
    assert document["splits"] == {"train": {"episodes": 1, "frames": 4}}
    assert document["left_out"] == {"in no split": 2}
    card = Dataset.open(Path(out)).card
    assert (card.camera.fov_deg, card.vehicle.wheelbase_m) == (120, 0.25)
    assert invoke(*same).exit_code == 0  # goes on


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("donky", "x"), "Did you mean 'donkey'"),
        (("donkey", "nowhere"), "no such folder"),
        (("donkey", "x", "--image-size", "8"), "WIDTHxHEIGHT"),
        (("donkey", "x", "--image-size", "0x9000"), "WIDTHxHEIGHT"),
        (("donkey", "x", "--derive", "edges"), "Did you mean 'edge'"),
        (("donkey", "x", "--max-steer-deg", "0"), "maximum steering angle"),
        (("donkey", "x", "--cameras", "left"), "one camera: leave --cameras"),
        (("donkey", "x", "--side-correction", "0.2"), "one camera: leave --cameras"),
        (("udacity", "x", "--side-correction", "nan"), "must lie in [0, 1]"),
        (
            ("donkey", "x", "--fov-deg", "180"),
            "field of view must lie in [1, 180) degrees, got 180",
        ),
        (("donkey", "x", "--fov-deg", "1e-320"), "must lie in [1, 180) degrees"),
        (("donkey", "x", "--max-steer-deg", "1e-320"), "angle must lie in [1, 90] degrees"),
        (("donkey", "x", "--wheelbase-m", "1e-300"), "must lie in [0.01, 100] metres"),
        (
            ("donkey", "x", "--wheelbase-m", "inf"),
            "wheelbase must lie in [0.01, 100] metres, got inf",
        ),
    ],
)
def test_mistakes_on_the_command_line(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = invoke(*arguments, "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, AuxdriveError)
    assert message in str(result.exception)
