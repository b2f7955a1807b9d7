"""A small waypoint bundle that verifies, for fuzzers: a strided convolution over a 32 x 24 image,
speed and target point, eight outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from auxdrive.bundles import sha256_of_files
from auxdrive.cards import (
    CameraSpec,
    InputRange,
    ModelCard,
    ParitySpec,
    PreprocessingSpec,
    Provenance,
    TensorSpec,
)
from auxdrive.steering import SteeringSpec
from auxdrive.types import AnyArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

TIMES_S = (0.5, 1.0, 1.5, 2.0)
INPUTS = (
    TensorSpec(
        name="image",
        shape=("batch", 24, 32, 3),
        dtype="uint8",
        unit="intensity",
        frame="camera, RGB",
    ),
    TensorSpec(name="speed_mps", shape=("batch", 1), dtype="float32", unit="m/s"),
    TensorSpec(name="target_ego_m", shape=("batch", 2), dtype="float32", unit="m", frame="ego"),
)
OUTPUT = TensorSpec(
    name="waypoints_ego_m", shape=("batch", 4, 2), dtype="float32", unit="m", frame="ego"
)
ONNX_TYPE = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT}


def small_graph(seed: int) -> onnx.ModelProto:
    """Weights of that seed."""
    rng = np.random.default_rng(seed)
    stored = {
        "scale": np.float32(1 / 255).reshape(()),
        "kernel": rng.normal(0, 0.3, (4, 3, 5, 5)).astype(np.float32),
        "axes": np.array([2, 3], np.int64),
        "linear": rng.normal(0, 1.0, (7, 8)).astype(np.float32),
        "shape": np.array([0, 4, 2], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["chw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["chw", "kernel"], ["features"], strides=[4, 4]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("ReduceMean", ["active", "axes"], ["pooled"], keepdims=0),
        helper.make_node("Concat", ["pooled", "speed_mps", "target_ego_m"], ["all"], axis=1),
        helper.make_node("MatMul", ["all", "linear"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["waypoints_ego_m"]),
    ]
    graph = helper.make_graph(
        nodes,
        "student",
        [
            helper.make_tensor_value_info(spec.name, ONNX_TYPE[spec.dtype], spec.shape)
            for spec in INPUTS
        ],
        [helper.make_tensor_value_info(OUTPUT.name, TensorProto.FLOAT, OUTPUT.shape)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def _run(graph: onnx.ModelProto, feed: dict[str, AnyArray]) -> Sequence[Any]:
    """The outputs by ONNX's own reference."""
    outputs: Sequence[Any] = ReferenceEvaluator(graph).run(None, feed)  # type: ignore[assignment]
    return outputs


def write_small_bundle(folder: Path) -> Path:
    """Write the bundle into a new folder."""
    rng = np.random.default_rng(7)
    images = rng.integers(0, 256, (4, 24, 32, 3), dtype=np.uint8)
    ego = rng.uniform(0, 5, (4, 3)).astype(np.float32)
    feed: dict[str, AnyArray] = {
        "image": images,
        "speed_mps": ego[:, :1],
        "target_ego_m": ego[:, 1:],
    }
    outputs, negative_control = (
        np.asarray(_run(small_graph(seed), feed)[0], np.float32) for seed in (1, 2)
    )
    (folder / "reference").mkdir(parents=True)
    arrays: dict[str, AnyArray] = {
        "images": images,
        "ego": ego,
        "outputs": outputs,
        "negative_control": negative_control,
    }
    for name, array in arrays.items():
        np.save(folder / "reference" / f"{name}.npy", array, allow_pickle=False)
    (folder / "model.onnx").write_bytes(small_graph(1).SerializeToString())
    (folder / "README.md").write_text("# A student for fuzzers\n")
    card = ModelCard(
        name="small",
        task="waypoints",
        inputs=INPUTS,
        outputs=(OUTPUT,),
        camera=CameraSpec(width=32, height=24),
        preprocessing=PreprocessingSpec(size=(24, 32)),
        steering=SteeringSpec(max_road_wheel_deg=70.0),
        rate_hz=10.0,
        waypoint_times_s=TIMES_S,
        input_ranges={
            "speed_mps": InputRange(low=(0.0,), high=(5.0,)),
            "target_ego_m": InputRange(low=(0.0, 0.0), high=(5.0, 5.0)),
        },
        training=Provenance(
            method="samd",
            backbone="test",
            dataset_sha256="0" * 64,
            seed=1,
            auxdrive_version="0.1.0",
        ),
        parity=ParitySpec(
            frames=4,
            limit=0.05,
            unit="cm",
            measured=1e-5,
            negative_control=float(100 * np.linalg.norm(outputs - negative_control, axis=-1).max()),
        ),
        files=sha256_of_files(folder),
    )
    (folder / "card.json").write_text(card.model_dump_json(indent=2))
    return folder
