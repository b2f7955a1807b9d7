"""Names in one option: commas part them, and whoever takes something else is shown the line."""

from __future__ import annotations

import pytest
from auxdrive.cli import run
from auxdrive.commands.names import names_of
from auxdrive.errors import UsageError


def test_names_stand_between_commas() -> None:
    assert names_of("--aux", None) is None
    assert names_of("--aux", "") == []
    assert names_of("--aux", "lidar, depth,") == ["lidar", "depth"]


@pytest.mark.parametrize("text", ["lidar depth", "lidar;depth", "lidar+depth", "lidar | depth"])
def test_other_separators_are_told(text: str) -> None:
    with pytest.raises(UsageError, match="separate names by commas: --aux lidar,depth"):
        names_of("--aux", text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["train"], "give --data, the data set's directory"),
        (["train", "--data", "d", "--aux", "depth", "lidar"], "commas: --aux depth,lidar"),
        (["train", "--data", "d", "--aux", "depth lidar"], "commas: --aux depth,lidar"),
        (["train", "--data", "d", "--aux", "depth,lidr"], "aux, second entry: unknown modality"),
        (["train", "--data", "d", "--epochs", "0"], "epochs: must be greater than or equal to 1"),
        (["train", "--data", "d", "--set", "lr=fast"], "lr: must be a valid number, not 'fast'"),
        (["collect", "--out", "d", "--modalities", "rgb depth"], "commas: --modalities rgb,depth"),
        (
            ["collect", "--out", "d", "--frames", "0"],
            "Invalid value for '--frames'",
        ),
    ],
)
def test_a_mistake_names_the_option_and_what_to_give(
    line: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line) == 2
    assert message in " ".join(capsys.readouterr().err.split())
