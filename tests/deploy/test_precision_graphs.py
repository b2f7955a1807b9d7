"""Graphs in int8 and fp16: the numbers of an independent twin in NumPy and float64, the same bytes
each time, read by the vehicle, built by TensorRT.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from auxdrive.cards import TensorSpec
from auxdrive.checks.graph_reader import read_graph
from auxdrive.precisions import ZERO, ZERO_OF_RELU
from auxdrive.runtimes import RUNTIMES
from auxdrive.runtimes.tensorrt.building import build_engine
from auxdrive.runtimes.unsigned import with_unsigned_maps
from auxdrive_deploy.precisions.fp16 import to_fp16
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import quantised_maps, to_int8
from auxdrive_deploy.student_parity import run_graph
from auxdrive_train.quantization.ranges import BINS, best_range, occurrences
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(
    0, str(Path(__file__).parents[1] / "sdk")
)  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory

MODEL = bundle_factory.model(1).SerializeToString()
IMAGES, EGO = bundle_factory.frames("steering", 12)
LARGEST = {"chw": 0.9, "active": 1.5}
"""Of the calibration: 0.9 cuts the brightest pixels off."""


def predicted(model: bytes, runtime: str = "onnxruntime") -> np.ndarray:
    output = bundle_factory.output("steering")
    given = run_graph(model, [bundle_factory.IMAGE], [output], IMAGES, EGO, runtime)
    return given[output.name]


def rounded(values: np.ndarray, largest: float, least: int) -> np.ndarray:
    """Values as int8 and back, by the definition, in float64."""
    step = np.float64(np.float32(largest / 127))
    return np.clip(np.rint(values / step), least, 127) * step


def twin() -> np.ndarray:
    """What the int8 graph of `bundle_factory.model` predicts, computed without any runtime."""
    stored = bundle_factory.weights(1, 1, 0)
    kernel = stored["conv"].astype(np.float64)
    for k in range(len(kernel)):
        step = np.float64(np.float32(np.abs(kernel[k]).max() / 127))
        kernel[k] = np.rint(kernel[k] / step) * step
    chw = rounded(IMAGES.transpose(0, 3, 1, 2) * np.float64(stored["scale"]), LARGEST["chw"], -128)
    features = np.zeros((len(IMAGES), 4, 5, 7))
    for row in range(5):
        for column in range(7):
            window = chw[:, :, 4 * row : 4 * row + 5, 4 * column : 4 * column + 5]
            features[:, :, row, column] = np.einsum("nchw,kchw->nk", window, kernel)
    active = rounded(np.maximum(features, 0), LARGEST["active"], -128)
    return active.mean(axis=(2, 3)) @ stored["linear"].astype(np.float64)


@pytest.fixture(scope="module")
def int8() -> bytes:
    return to_int8(MODEL, Graph(MODEL).heavy(), LARGEST)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_int8_gives_the_numbers_of_its_twin(int8: bytes, runtime: str) -> None:
    try:
        RUNTIMES[runtime].probe()
    except ImportError:
        pytest.skip(f"{runtime} is not installed")
    # a value on the edge of two steps may fall to either side: one of 35 in a mean, by one step
    edge = 2 * LARGEST["active"] / 127 / 35
    assert np.abs(predicted(int8, runtime) - twin()).max() < edge
    apart = np.abs(predicted(MODEL) - twin()).max()
    assert apart > 2 * edge, "the twin is not the graph in float32"


def test_every_map_has_zero_as_its_zero_point_and_weights_a_scale_for_each_output(
    int8: bytes,
) -> None:
    graph = Graph(int8)
    pairs = [node for node in graph.nodes if node.op_type == "QuantizeLinear"]
    assert {node.input[0] for node in pairs} == {*quantised_maps(MODEL, Graph(MODEL).heavy())}
    assert {node.input[2] for node in pairs} == {ZERO, ZERO_OF_RELU}
    assert all(graph.array(name) == 0 for name in (ZERO, ZERO_OF_RELU))
    assert graph.array("conv_scale").shape == (4,)
    (conv,) = (node for node in graph.nodes if node.op_type == "Conv")
    assert [graph.maker[name].op_type for name in conv.input] == ["DequantizeLinear"] * 2


def test_unsigned_maps_are_the_same_numbers(int8: bytes) -> None:
    changed = with_unsigned_maps(int8)
    assert len(changed) == len(int8)
    assert sum(a != b for a, b in zip(changed, int8, strict=True)) == 3
    graph = onnx.load_from_string(changed)
    zeros = {
        each.name: numpy_helper.to_array(each)
        for each in graph.graph.initializer
        if each.name in (ZERO, ZERO_OF_RELU)
    }
    assert {name: (array.dtype.name, int(array)) for name, array in zeros.items()} == {
        ZERO: ("uint8", 128),
        ZERO_OF_RELU: ("uint8", 0),
    }
    assert with_unsigned_maps(changed) == changed
    assert with_unsigned_maps(MODEL) == MODEL


def test_fp16_is_near_and_another() -> None:
    half = to_fp16(MODEL, Graph(MODEL).heavy())
    facts = read_graph(half)
    assert "float16" in facts.types
    apart = np.abs(predicted(half) - predicted(MODEL)).max()
    assert 0 < apart < 1e-2 * np.abs(predicted(MODEL)).max()


def test_the_same_arguments_give_the_same_bytes() -> None:
    layers = Graph(MODEL).heavy()
    assert to_int8(MODEL, layers, LARGEST) == to_int8(MODEL, layers, dict(LARGEST))
    assert to_fp16(MODEL, layers) == to_fp16(MODEL, layers)
    assert to_int8(MODEL, layers, LARGEST) != to_int8(MODEL, layers, LARGEST | {"chw": 1.0})


def test_without_layers_the_graph_stays_as_it_is() -> None:
    for made in (to_int8(MODEL, [], {}), to_fp16(MODEL, [])):
        assert read_graph(made).operators == read_graph(MODEL).operators
        assert np.array_equal(predicted(made), predicted(MODEL))


def residual() -> bytes:
    """Two convolutions, a MaxPool and a residual sum, as in a ResNet, and a small last layer."""
    rng = np.random.default_rng(3)
    stored = {
        "first": rng.normal(0, 0.2, (8, 3, 3, 3)).astype(np.float32),
        "second": rng.normal(0, 0.2, (8, 8, 3, 3)).astype(np.float32),
        "linear": rng.normal(0, 1, (8, 1)).astype(np.float32),
        "scale": np.array(1 / 255, np.float32),
        "axes": np.array([2, 3], np.int64),
    }
    same = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Cast", ["image"], ["image_f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["image_f", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["chw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["chw", "first"], ["a"], **same),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["c", "second"], ["d"], **same),
        helper.make_node("Add", ["d", "c"], ["e"]),
        helper.make_node("Relu", ["e"], ["f"]),
        helper.make_node("ReduceMean", ["f", "axes"], ["pooled"], keepdims=0),
        helper.make_node("MatMul", ["pooled", "linear"], ["steer_rad"]),
    ]
    image, steer = bundle_factory.IMAGE, bundle_factory.output("steering")
    graph = helper.make_graph(
        nodes,
        "student",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, image.shape)],
        [helper.make_tensor_value_info("steer_rad", TensorProto.FLOAT, steer.shape)],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return bytes(made.SerializeToString())


def test_pairs_stand_where_runtimes_compute_in_int8() -> None:
    model = residual()
    assert Graph(model).heavy() == ["a", "d"]
    assert quantised_maps(model, ["a", "d"]) == ["chw", "b", "d", "f"]
    graph = Graph(to_int8(model, ["a", "d"], dict.fromkeys("bdf", 2.0) | {"chw": 1.0}))
    quantised = {
        node.input[0]: node.input[1] for node in graph.nodes if node.op_type == "QuantizeLinear"
    }
    assert quantised["c"] == quantised["b"], "a MaxPool keeps the scale"
    assert quantised.keys() == {"chw", "b", "c", "d", "f"}
    assert "a" not in quantised, "Conv and Relu are one"
    (add,) = (node for node in graph.nodes if node.op_type == "Add")
    assert [*add.input] == ["d_of_int8", "c_of_int8"]


def test_a_layer_in_float_is_given_unrounded_maps_and_keeps_its_weights() -> None:
    model = residual()
    graph = Graph(to_int8(model, ["a"], dict.fromkeys(("chw", "b", "d", "f"), 2.0)))
    (two,) = (node for node in graph.nodes if node.output[0] == "d")
    assert [*two.input] == ["c", "second"]
    assert graph.array("second").dtype == np.float32


@pytest.mark.parametrize("make", ["fp16", "int8"])
def test_the_vehicle_reads_it_and_tensorrt_builds_it(make: str) -> None:
    model = residual()
    maps = quantised_maps(model, ["a", "d"])
    made = (
        to_int8(model, ["a", "d"], dict.fromkeys(maps, 2.0))
        if make == "int8"
        else to_fp16(model, ["a", "d"])
    )
    shapes = read_graph(model).shapes
    facts = read_graph(made)
    assert all(facts.shapes[name] == shapes[name] for name in shapes if name in facts.shapes)
    trt = pytest.importorskip("tensorrt_rtx", reason="needs the extra tensorrt-rtx")
    inputs, outputs = (
        [TensorSpec(**{**spec.model_dump(), "shape": (1, *spec.shape[1:])})]
        for spec in (bundle_factory.IMAGE, bundle_factory.output("steering"))
    )
    assert len(build_engine(trt, made, inputs, outputs, targets=("SM86",))[0]) > 1000


def test_the_best_range_has_the_least_error_and_cuts_lone_outliers() -> None:
    rng = np.random.default_rng(1)
    plain = np.abs(rng.uniform(-1, 1, 100_000))
    assert best_range(occurrences(plain, plain.max()), plain.max()) == pytest.approx(1, abs=0.02)
    values = np.append(np.abs(rng.normal(0, 1, 100_000)), 12.0).astype(np.float32)
    counts = occurrences(values, 12.0)
    assert counts.sum() == np.count_nonzero(values)
    assert len(counts) == BINS
    best = best_range(counts, 12.0)

    def error(end: float) -> float:
        step = end / 127
        return float(((np.clip(np.rint(values / step), 0, 127) * step - values) ** 2).sum())

    tried = {share: error(share * 12.0) for share in np.linspace(0.3, 1.0, 15)}
    assert error(best) <= 1.02 * min(tried.values())
    assert best < 12.0
    assert best_range(occurrences(np.zeros(4), 0.0), 0.0) == 0.0
