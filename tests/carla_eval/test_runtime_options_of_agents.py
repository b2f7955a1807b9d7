"""Options of a bundle's runtime reach the agent's process, and nothing else takes them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from auxdrive import cli
from auxdrive.errors import UsageError
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.faults import AgentFault
from auxdrive_eval.driving.agents.process import AgentProcess
from strange_agents import agent_folder

sys.path.insert(
    0, str(Path(__file__).parents[1] / "sdk")
)  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(tmp_path_factory.mktemp("bundles") / "steering")


def test_they_reach_the_predictor_in_the_agents_process(bundle: Path) -> None:
    process = AgentProcess()
    source = AgentSource(bundle, runtime_options={"spinning": False})
    assert process.load(source, limit_s=120)["task"] == "steering"
    process.close()
    process = AgentProcess()
    with pytest.raises(AgentFault, match="Did you mean 'spinning'"):
        process.load(AgentSource(bundle, runtime_options={"spining": False}), limit_s=120)
    process.kill()


def test_what_is_no_bundle_has_none(tmp_path: Path) -> None:
    run = agent_folder(tmp_path, "goal")
    with pytest.raises(UsageError, match=r"is no bundle, .*: leave out spinning"):
        AgentSource(run, runtime_options={"spinning": False}).check()


@pytest.mark.parametrize(
    ("driver", "option", "told"),
    [
        ("expert", "spinning=false", "the expert runs in no runtime"),
        ("bundle", "spining=false", "Did you mean 'spinning'"),
        ("bundle", "spinning=0", "must be a valid boolean"),
    ],
)
def test_the_command_refuses_what_cannot_be(
    driver: str, option: str, told: str, bundle: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    who = str(bundle) if driver == "bundle" else driver
    out = tmp_path / "out"
    assert cli.run(["drive", who, "--runtime-option", option, "--out", str(out)]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not out.exists()
