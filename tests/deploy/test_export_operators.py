"""The operators that a vehicle reads are those that the exporter writes, and it follows every
exported size as onnx does.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from auxdrive.cards import CameraSpec, DatasetCard, TensorSpec
from auxdrive.checks.graph_reader import read_graph
from auxdrive.checks.operators import OPERATORS, OPSET
from auxdrive.errors import BundleError
from auxdrive.modalities import Modality
from auxdrive.runtimes.tensorrt.building import build_engine
from auxdrive_deploy.ood.score import fit
from auxdrive_deploy.precisions.fp16 import to_fp16
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import quantised_maps, to_int8
from auxdrive_deploy.student_graph import to_onnx
from auxdrive_deploy.student_parity import run_graph
from auxdrive_train.engine.building import build_finished
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.models import BACKBONES
from auxdrive_train.tasks import TASKS, make_task

# Written for networks that auxdrive does not have itself, see `auxdrive.checks.operators`.
OF_OTHER_NETWORKS: set[str] = set()
CROPPED = (
    720,
    1280,
    {"crop_top": 0.35, "crop_bottom": 0.1, "size": [66, 200]},
)  # crop, block average and interpolation
BYTES_FIRST = "bytes first"
OTHER_CAMERAS: dict[str, tuple[int, int, dict[str, object]]] = {
    "plain": (64, 80, {"size": [64, 80]}),
    "interpolated": (80, 120, {"size": [64, 100]}),
    "small": (144, 256, {"size": [66, 200]}),  # blocks of an image that is cast first
}


def exported(
    backbone: str,
    task: str,
    height: int,
    width: int,
    preprocessing: dict[str, object],
    cast_first: bool = False,
    scored: bool = True,
) -> bytes:
    camera = CameraSpec(width=width, height=height)
    made = make_task(
        task,
        DatasetCard(
            name="none",
            rate_hz=2.0,
            modalities=(Modality.RGB,),
            camera=camera,
            class_names=("stop", "go"),
        ),
    )
    values = {
        "data": "none",
        "task": task,
        "method": "baseline",
        "backbone": backbone,
        "preprocessing": preprocessing,
    }
    method, networks = build_finished(parse_config(values), made)
    student = method.roles(networks)[STUDENT]
    described = student.encoder.feature_dim + student.encoder.stem_channels
    score = fit(np.random.default_rng(0).normal(size=(20, described)))
    return to_onnx(student, made, height, width, cast_first, score if scored else None)


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graphs() -> dict[str, bytes]:
    """Every backbone and every task, in every precision, by name; one of them also bytes first, as
    large frames are exported unless TensorRT is meant. Heads and encoders do not know each other,
    so that not every pair of them is needed.
    """
    pairs = [*((each, "steering") for each in BACKBONES), *(("pilotnet", each) for each in TASKS)]
    made = {
        f"{backbone} {task}": exported(backbone, task, *CROPPED, cast_first=True)
        for backbone, task in dict.fromkeys(pairs)
    }
    made |= {
        name: exported("resnet18", "steering", *camera) for name, camera in OTHER_CAMERAS.items()
    }
    return (
        made
        | {BYTES_FIRST: exported("pilotnet", "steering", *CROPPED)}
        | {
            f"{name} {precision}": graph
            for name, data in made.items()
            for precision, graph in lower_precisions(data).items()
        }
    )


def lower_precisions(model: bytes) -> dict[str, bytes]:
    layers = Graph(model).heavy()
    ranges = dict.fromkeys(quantised_maps(model, layers), 1.0)
    return {"fp16": to_fp16(model, layers), "int8": to_int8(model, layers, ranges)}


def test_the_list_is_what_the_exporter_writes(graphs: dict[str, bytes]) -> None:
    written: Counter[str] = Counter()
    for data in graphs.values():
        model = onnx.load_from_string(data)
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
        assert not any(node.domain for node in model.graph.node)
        written.update(node.op_type for node in model.graph.node)
    assert written.keys() | OF_OTHER_NETWORKS == OPERATORS.keys()


@pytest.mark.parametrize("backbone", ["pilotnet_bn", "resnet18"])
def test_a_score_decides_nothing_in_lower_precisions(backbone: str) -> None:
    """The same layers and maps are written in them, and predictions are the same bit for bit."""
    images = np.random.default_rng(1).integers(0, 256, (3, 64, 80, 3), np.uint8)
    given = []
    for scored in (True, False):
        model = exported(backbone, "steering", *OTHER_CAMERAS["plain"], scored=scored)
        graph = Graph(model)
        assert ("ood.whitening" in graph.stored) is scored
        made = lower_precisions(model)
        inputs, outputs = signature(model)
        predicted = {
            name: run_graph(data, inputs, outputs, images, np.empty((3, 0), np.float32))[
                outputs[0].name
            ].tobytes()
            for name, data in made.items()
        }
        weights = [graph.weights_of(layer) for layer in graph.layers()]
        given.append((weights, len(quantised_maps(model, graph.heavy())), predicted))
        types = {tensor.name: tensor.data_type for tensor in Graph(made["int8"]).stored.values()}
        assert types.get("ood.whitening", onnx.TensorProto.FLOAT) == onnx.TensorProto.FLOAT
    assert given[0] == given[1]


def test_every_export_is_read_and_its_sizes_are_those_of_onnx(graphs: dict[str, bytes]) -> None:
    for name, data in graphs.items():
        facts = read_graph(data, name)
        model = onnx.load_from_string(data)
        for given in model.graph.input:
            given.type.tensor_type.shape.dim[0].dim_value = 1
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        told = 0
        for value in inferred.graph.value_info:
            axes = [
                axis.dim_value if axis.HasField("dim_value") else None
                for axis in value.type.tensor_type.shape.dim
            ]
            assert len(axes) == len(facts.shapes[value.name]), (name, value.name)
            assert all(
                theirs in (None, mine)
                for mine, theirs in zip(facts.shapes[value.name], axes, strict=True)
            ), (name, value.name)
            told += None not in axes
        assert told > len(model.graph.node) / 2


def test_tensorrt_builds_an_engine_of_every_export(graphs: dict[str, bytes]) -> None:
    """For real, with TensorRT-RTX, which needs no GPU to build. Graphs of big cameras are those of
    `--cast-first`; the others add up bytes, which it does not take, and the error says what helps.
    """
    trt = pytest.importorskip("tensorrt_rtx", reason="needs the extra tensorrt-rtx")
    for name, data in graphs.items():
        if name != BYTES_FIRST:
            engine, _ = build_engine(trt, data, *signature(data), targets=("SM86", "SM89"))
            assert len(engine) > 100_000, name
    bytes_first = graphs[BYTES_FIRST]
    with pytest.raises(BundleError, match="--cast-first"):
        build_engine(trt, bytes_first, *signature(bytes_first), targets=("SM86",))


def signature(data: bytes) -> tuple[list[TensorSpec], list[TensorSpec]]:
    graph = onnx.load_from_string(data).graph
    return [one_frame(value) for value in graph.input], [one_frame(each) for each in graph.output]


def one_frame(value: onnx.ValueInfoProto) -> TensorSpec:
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    return TensorSpec(
        name=value.name,
        shape=(1, *(axis.dim_value for axis in tensor.shape.dim[1:])),
        dtype=dtype,
        unit="",
    )
