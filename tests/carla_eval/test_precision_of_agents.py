"""A bundle's other precisions are driven by their own graphs, and nothing else has any."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.bundles import sha256_of_files
from auxdrive.errors import UsageError
from auxdrive.registry import Registry
from auxdrive.types import Observation
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.faults import AgentFault
from auxdrive_eval.driving.agents.process import AgentProcess
from auxdrive_eval.driving.scores import route_scores
from auxdrive_eval.driving.settings import DriverSource, evaluation_settings
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from strange_agents import agent_folder

sys.path.insert(
    0, str(Path(__file__).parents[1] / "sdk")
)  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory
from onnx import TensorProto, helper


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In fp16 it steers 0.1 rad further to the left: a graph that can be told from the other."""
    folder = bundle_factory.write_bundle(tmp_path_factory.mktemp("bundles") / "steering")
    model = bundle_factory.model(1, bias=0.1)
    graph = model.graph
    product = next(node for node in graph.node if node.op_type == "MatMul")
    product.output[0] = "product_32"
    graph.node.insert(
        len(graph.node) - 1,
        helper.make_node("Cast", ["product_32"], ["product_16"], to=TensorProto.FLOAT16),
    )
    graph.node.insert(
        len(graph.node) - 1,
        helper.make_node("Cast", ["product_16"], ["product"], to=TensorProto.FLOAT),
    )
    (folder / "model.fp16.onnx").write_bytes(model.SerializeToString())
    card = json.loads((folder / "card.json").read_text())
    gate = {"name": "worst difference", "value": 1.0, "limit": 10.0, "unit": "deg", "samples": 4}
    card["precisions"]["fp16"] = {
        "file": "model.fp16.onnx", "method": "made for the tests", "calibration_frames": 0,
        "gates": [gate], "parity": card["parity"] | {"limit": 10.0},
    }  # fmt: skip
    card["files"] = sha256_of_files(folder)
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_it_reaches_the_predictor_in_the_agents_process(bundle: Path) -> None:
    seen = Observation(bundle_factory.frames("steering", 1)[0][0], 0.0)
    angles = {}
    for precision in ("fp32", "fp16"):
        agent = AgentSource(bundle, precision=precision).load()
        angles[precision] = agent.act(seen, {}).steer_rad
    assert angles["fp16"] - angles["fp32"] == pytest.approx(0.1, abs=1e-3)
    process = AgentProcess()
    assert process.load(AgentSource(bundle, precision="fp16"), limit_s=120)["task"] == "steering"
    process.close()
    process = AgentProcess()
    with pytest.raises(AgentFault, match="holds no int8, only fp32, fp16"):
        process.load(AgentSource(bundle, precision="int8"), limit_s=120)
    process.kill()


def test_it_is_a_setting_that_decides_the_results(bundle: Path) -> None:
    simulator = SimulatorSettings()
    route = make_simulator(simulator, sensors=False).random_route(1000)
    found = [
        evaluation_settings(
            [route], DriverSource(agent), simulator, rules="1.0", repeats=1, seed=0
        ).precision
        for agent in (None, AgentSource(bundle), AgentSource(bundle, precision="fp16"))
    ]
    assert found == ["fp32", "fp32", "fp16"]


def test_what_is_no_bundle_has_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no bundle, .*: leave out 'int8'"):
        AgentSource(agent_folder(tmp_path, "goal"), precision="int8").check()


@pytest.mark.parametrize(
    ("driver", "precision", "told"),
    [
        ("expert", "int8", "the expert runs in no runtime"),
        ("bundle", "int9", "Did you mean 'int8'"),
    ],
)
def test_the_command_refuses_what_cannot_be(
    driver: str, precision: str, told: str, bundle: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    who, out = str(bundle) if driver == "bundle" else driver, tmp_path / "out"
    assert cli.run(["drive", who, "--precision", precision, "--out", str(out)]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


@pytest.mark.slow
def test_scores_are_those_of_the_routes_for_driving(bundle: Path, tmp_path: Path) -> None:
    registry: Registry[object] = Registry("measure of driving", "auxdrive.driving_scores")
    assert registry["embedded"] is route_scores
    scores = route_scores(bundle, "fp16", 1, tmp_path / "work")
    assert len(scores) == 1
    assert np.isfinite(scores).all()
    assert all(0 <= score <= 100 for score in scores)
    stored = json.loads((tmp_path / "work" / "settings.json").read_text())
    assert stored["precision"] == "fp16"
    records = json.loads((tmp_path / "work" / "results.json").read_text())["_checkpoint"]["records"]
    assert [record["scores"]["score_composed"] for record in records] == scores
