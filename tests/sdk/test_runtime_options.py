"""`--runtime-option NAME=VALUE`: what is typed reaches the runtime, and what is wrong is refused
before a bundle is opened.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.bundles import Bundle
from auxdrive.checks.verify import verify_bundle
from auxdrive.commands.named_values import values_of
from auxdrive.commands.runtime_options import parsed_runtime_options
from auxdrive.errors import ConfigError, UsageError
from auxdrive.runtimes import onnx_runtime
from constant_runtime import install_constant
from PIL import Image

HERE = ("--runtime", "constant_for_tests", "--device", "here")


@pytest.fixture
def image(tmp_path: Path, steering_bundle: Path) -> Path:
    camera = Bundle.open(steering_bundle).card.camera
    path = tmp_path / "black.png"
    Image.fromarray(np.zeros((camera.height, camera.width, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_constant(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


@pytest.mark.usefixtures("site")
def test_a_value_reaches_the_session_of_predict(
    steering_bundle: Path, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steers = []
    for option in ((), ("--runtime-option", "number=0.125")):
        assert cli.run(["predict", str(steering_bundle), str(image), *HERE, *option, "--json"]) == 0
        (prediction,) = json.loads(capsys.readouterr().out)["predictions"]
        steers.append(prediction["steer_rad"])
    assert steers == [0.0, 0.125]


@pytest.mark.usefixtures("site")
def test_a_value_reaches_the_session_of_verify(
    steering_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    largest = []
    for option in ((), ("--runtime-option", "number=0.125")):
        assert cli.run(["verify", str(steering_bundle), *HERE, *option, "--json"]) == 1
        checks = json.loads(capsys.readouterr().out)["checks"]
        largest += [each["value"] for each in checks if each["name"] == "output limits"]
    assert largest == [0.0, pytest.approx(math.degrees(0.125))]


def test_onnx_runtime_is_given_what_was_typed(
    steering_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, original = [], onnx_runtime.session_options

    def remembered(*arguments: object) -> object:
        made.append(original(*arguments))
        return made[-1]

    monkeypatch.setattr(onnx_runtime, "session_options", remembered)
    for option in ((), ("--runtime-option", "spinning=false")):
        assert cli.run(["verify", str(steering_bundle), *option, "--quiet"]) == 0
    spinning = "session.intra_op.allow_spinning"
    assert [each.get_session_config_entry(spinning) for each in made] == ["1", "0"]


@pytest.mark.parametrize("command", [("verify", "no-bundle"), ("predict", "no-bundle", ".")])
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["spining=false"], "'spining'. Did you mean 'spinning'? Valid: spinning"),
        (["spinning=sometimes"], "spinning: must be a valid boolean, not 'sometimes'"),
        (["spinning=1"], "spinning: must be a valid boolean, not 1"),
        (["spinning"], "--runtime-option spinning: write NAME=VALUE, such as"),
        (["spinning=true", "spinning=false"], "--runtime-option spinning=false: is given twice"),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    command: tuple[str, ...], typed: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [part for each in typed for part in ("--runtime-option", each)]
    assert cli.run([*command, *options]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert told in said
    assert "--runtime-option" in said


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("command", ["predict", "verify", "drive", "evaluate"])
def test_help_says_which_there_are(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    assert cli.run([command, "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "onnxruntime: spinning=true;" in told
    assert "constant_for_tests: number=0.0" in told


def test_an_option_of_another_runtime_is_none_of_this_one() -> None:
    with pytest.raises(UsageError, match=r"--runtime-option: runtime 'onnxruntime': .*'number'"):
        parsed_runtime_options("onnxruntime", ["number=1"])
    with pytest.raises(UsageError, match=r"unknown runtime 'onxruntime'\. Did you mean"):
        parsed_runtime_options("onxruntime", ["spinning=false"])


def test_the_library_refuses_wrong_options_whatever_the_bundle_is(tmp_path: Path) -> None:
    """They are the caller's mistake, and no check of the bundle that fails."""
    with pytest.raises(ConfigError, match="Did you mean 'spinning'"):
        verify_bundle(tmp_path, options={"spining": True})


def test_a_value_is_json_or_else_text() -> None:
    given = ["a=true", "b=0.5", "c=[1, 2]", "d=cpu", "e=x=y", "f=", f"g={'[' * 100_000}"]
    found = values_of("--it", given, "a=1")
    assert found.pop("g") == "[" * 100_000
    assert found == {"a": True, "b": 0.5, "c": [1, 2], "d": "cpu", "e": "x=y", "f": ""}
    assert values_of("--it", None, "a=1") == {}
