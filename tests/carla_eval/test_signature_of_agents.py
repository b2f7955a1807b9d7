"""A drive may ask for a bundle's signature: it is checked where the bundle is loaded, and nothing
else has one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from auxdrive import Predictor, cli, make_signing_key, sign_bundle
from auxdrive.errors import BundleError, UsageError
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.faults import AgentFault
from auxdrive_eval.driving.agents.process import AgentProcess
from strange_agents import agent_folder

pytest.importorskip("model_signing", reason="the extra 'sign' is not installed")
sys.path.insert(
    0, str(Path(__file__).parents[1] / "sdk")
)  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return bundle_factory.write_bundle(tmp_path / "bundle")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return make_signing_key(tmp_path / "release.pem")


def test_it_is_checked_in_the_agents_process(
    bundle: Path, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where a relative key lies
    source = AgentSource(bundle, require_signature=Path(key.name))
    process = AgentProcess()
    with pytest.raises(AgentFault, match="there is no signature"):
        process.load(source, limit_s=120)
    process.kill()
    sign_bundle(bundle, tmp_path / "release.pem")
    process = AgentProcess()
    assert process.load(source, limit_s=120)["task"] == "steering"
    process.close()


def test_nothing_is_driven_without_it(
    bundle: Path, key: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BundleError) as refusal:
        Predictor.load(bundle, require_signature=key)
    out = tmp_path / "out"
    words = ["drive", str(bundle), "--count", "1", "--key", str(key), "--out", str(out)]
    assert cli.run(words) == 2
    told = " ".join(capfd.readouterr().err.split())
    assert " ".join(f"error: {refusal.value}".split()) in told
    assert not (out / "results.json").exists()


def test_what_is_no_bundle_has_none(
    key: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match=r"is no bundle, .*: leave out the key"):
        AgentSource(agent_folder(tmp_path, "goal"), require_signature=key).check()
    assert cli.run(["drive", "expert", "--key", str(key), "--out", str(tmp_path / "out")]) == 2
    assert "is not signed: leave out" in " ".join(capfd.readouterr().err.split())
