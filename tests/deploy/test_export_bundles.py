"""Exported bundles: they predict as torch does and hold nothing of this machine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from auxdrive.bundles import MODEL_NAME, Bundle
from auxdrive.checks.graph_reader import read_graph
from auxdrive.checks.parity import compare, predict_all
from auxdrive.checks.verify import verify_bundle
from auxdrive.data.dataset import Dataset
from auxdrive.modalities import Modality
from auxdrive.predictor import Predictor
from auxdrive.runtimes.onnx_runtime import import_onnxruntime
from auxdrive.tasks import TASKS
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.student_graph import scrub, student_of, student_outputs
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.load import Run
from onnx import TensorProto, helper

NAMES = ("steering", "waypoints", "hd")


def recorded_frames(run: Run, split: str) -> tuple[np.ndarray, np.ndarray]:
    dataset = Dataset.open(run.config.data)
    samples = SampleSet.open(dataset, dataset.split(split), run.task, (Modality.RGB,))
    batch = samples.gather(np.arange(min(len(samples), 8), dtype=np.int64))
    return batch.frames[Modality.RGB].numpy(), batch.ego_be.numpy()


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_passes_every_check_of_verify(
    name: str, bundles: dict[str, tuple[Run, Path]]
) -> None:
    report = verify_bundle(bundles[name][1])
    assert report.passed, report.checks
    assert {"parity", "negative control", "determinism", "output limits"} <= {
        check.name for check in report.checks
    }


@pytest.mark.parametrize("name", NAMES)
def test_the_predictor_predicts_as_torch_does_on_frames_it_was_not_measured_on(
    name: str, bundles: dict[str, tuple[Run, Path]]
) -> None:
    run, path = bundles[name]
    images, ego = recorded_frames(run, "train")
    with Predictor.load(path) as predictor:
        predictions = predict_all(predictor, images, ego)
    task = Bundle.open(path).card.task
    parity = compare(task, predictions, student_outputs(student_of(run), images, ego))
    assert parity.unit == ("cm" if name == "waypoints" else "deg")
    # The limit leaves room for other machines; here float32 sums in another order are all that may
    # differ.
    assert parity.worst < TASKS[task].parity_limit / 20


def test_the_exported_student_is_the_one_that_was_evaluated(
    bundles: dict[str, tuple[Run, Path]], small_data: Path
) -> None:
    run, path = bundles["steering"]
    dataset = Dataset.open(small_data)
    samples = SampleSet.open(dataset, dataset.split("test"), run.task, (Modality.RGB,))
    images = samples.gather(np.arange(len(samples), dtype=np.int64)).frames[Modality.RGB].numpy()
    with Predictor.load(path) as predictor:
        predictions = predict_all(predictor, images, samples.ego)
    recorded = json.loads((run.directory / "result.json").read_text())["metrics"]["test"]["student"]
    for metric, value in run.task.metrics(predictions, samples.label, run.card.steering).items():
        assert value == pytest.approx(recorded[metric], abs=1e-5), metric


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_has_the_declared_inputs_alone_and_a_free_number_of_frames(
    name: str, bundles: dict[str, tuple[Run, Path]]
) -> None:
    run, path = bundles[name]
    facts = read_graph((path / MODEL_NAME).read_bytes())
    declared = ["image", *run.task.ego.names]
    assert [value.name for value in facts.inputs] == declared
    assert facts.opset == 20
    session = import_onnxruntime().InferenceSession(
        (path / MODEL_NAME).read_bytes(), providers=["CPUExecutionProvider"]
    )
    images, ego = recorded_frames(run, "train")
    columns = np.split(ego[:3], [1], axis=1) if len(declared) > 1 else []
    predictions = session.run(None, dict(zip(declared, [images[:3], *columns], strict=True)))[0]
    assert (
        compare(
            Bundle.open(path).card.task,
            predictions,
            student_outputs(student_of(run), images[:3], ego[:3]),
        ).worst
        < 1e-3
    )


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_this_machine_lies_in_a_bundle(
    name: str, bundles: dict[str, tuple[Run, Path]]
) -> None:
    run, path = bundles[name]
    folders = [Path(__file__).resolve().parents[2], run.directory, *run.config.data, Path.home()]
    traces = [*map(str, folders), "site-packages", '.py"']
    for file in sorted(path.rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            assert [trace for trace in traces if trace.encode() in data] == [], file
    model = onnx.load(path / MODEL_NAME)
    assert not model.metadata_props
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)


def test_scrubbing_reaches_subgraphs_and_functions() -> None:
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value_float=1.0, doc_string="/home/secret")],
        "inner",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [])],
        doc_string="secret",
    )
    node = helper.make_node("If", ["b"], ["y"], then_branch=inner, else_branch=inner)
    graph = helper.make_graph(
        [node],
        "outer",
        [helper.make_tensor_value_info("b", TensorProto.BOOL, [], doc_string="secret")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], doc_string="secret"
    )
    for message in (model, graph, node, inner.node[0]):
        entry = message.metadata_props.add()
        entry.key, entry.value = "pkg.torch.onnx.stack_trace", "secret"
    function = helper.make_function(
        "local",
        "f",
        ["x"],
        ["z"],
        [helper.make_node("Relu", ["x"], ["z"], doc_string="secret")],
        [],
    )
    model.functions.append(function)
    scrub(model)
    assert b"secret" not in model.SerializeToString()
    assert [made.op_type for made in model.graph.node] == ["If"]


def test_the_same_run_gives_the_same_bytes_and_says_nothing(
    bundles: dict[str, tuple[Run, Path]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, path = bundles["steering"]
    capfd.readouterr()
    write_bundle(run, tmp_path / "again")
    assert capfd.readouterr() == ("", "")
    names = sorted(file.relative_to(path) for file in path.rglob("*") if file.is_file())
    assert names == sorted(
        file.relative_to(tmp_path / "again")
        for file in (tmp_path / "again").rglob("*")
        if file.is_file()
    )
    assert [
        name
        for name in names
        if (path / name).read_bytes() != (tmp_path / "again" / name).read_bytes()
    ] == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["again"]
