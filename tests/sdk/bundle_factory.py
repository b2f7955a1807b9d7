"""Genuine small bundles for the tests: a real ONNX graph, reference outputs from an independent
runtime, a matching card.

The graph is a strided convolution over the uint8 image, a global average and a linear layer; a
waypoint model also takes speed and target. Reference outputs are those of onnx.reference (plain
NumPy), so parity compares two implementations.
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
    ModelCard,
    ParitySpec,
    PreprocessingSpec,
    Provenance,
    TensorSpec,
    VehicleSpec,
)
from auxdrive.modalities import Modality
from auxdrive.steering import SteeringSpec
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

TIMES_S = (0.5, 1.0, 1.5, 2.0)
IMAGE = TensorSpec(
    name="image", shape=("batch", 24, 32, 3), dtype="uint8", unit="intensity", frame="camera"
)
SPEED = TensorSpec(name="speed_mps", shape=("batch", 1), dtype="float32", unit="m/s")
TARGET = TensorSpec(name="target_ego_m", shape=("batch", 2), dtype="float32", unit="m", frame="ego")


def weights(seed: int, outputs: int, ego: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "conv": rng.normal(0, 0.3, (4, 3, 5, 5)).astype(np.float32),
        "linear": rng.normal(0, 1.0, (4 + ego, outputs)).astype(np.float32),
        "scale": np.array(1 / 255, np.float32),
    }


def model(seed: int, task: str = "steering", bias: float | np.ndarray = 0.0) -> onnx.ModelProto:
    """A model of that task; `bias`, one number or one for each, is added to the outputs."""
    count, ego = (1, 0) if task == "steering" else (2 * len(TIMES_S), 3)
    stored = {**weights(seed, count, ego), "bias": np.full(count, bias, np.float32)}
    nodes = [
        helper.make_node("Cast", ["image"], ["image_f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["image_f", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["chw"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["chw", "conv"], ["features"], strides=[4, 4]),
        helper.make_node("Relu", ["features"], ["active"]),
        helper.make_node("ReduceMean", ["active", "axes"], ["pooled"], keepdims=0),
        helper.make_node(
            "Concat", ["pooled", *(["speed_mps", "target_ego_m"] if ego else [])], ["all"], axis=1
        ),
        helper.make_node("MatMul", ["all", "linear"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["steer_rad" if not ego else "flat"]),
    ]
    stored["axes"] = np.array([2, 3], np.int64)
    if ego:
        stored["shape"] = np.array([0, len(TIMES_S), 2], np.int64)
        nodes.append(helper.make_node("Reshape", ["flat", "shape"], ["waypoints_ego_m"]))
    graph = helper.make_graph(
        nodes,
        "student",
        [
            helper.make_tensor_value_info(
                spec.name,
                TensorProto.UINT8 if spec.dtype == "uint8" else TensorProto.FLOAT,
                spec.shape,
            )
            for spec in inputs(task)
        ],
        [helper.make_tensor_value_info(output(task).name, TensorProto.FLOAT, output(task).shape)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(made)
    return made


def inputs(task: str) -> tuple[TensorSpec, ...]:
    return (IMAGE,) if task == "steering" else (IMAGE, SPEED, TARGET)


def output(task: str) -> TensorSpec:
    if task == "steering":
        return TensorSpec(
            name="steer_rad",
            shape=("batch", 1),
            dtype="float32",
            unit="rad",
            frame="road wheel, positive left",
        )
    return TensorSpec(
        name="waypoints_ego_m",
        shape=("batch", len(TIMES_S), 2),
        dtype="float32",
        unit="m",
        frame="ego",
    )


def frames(task: str, count: int = 6, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 (N, 24, 32, 3), float32 (N, E))."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (count, 24, 32, 3), dtype=np.uint8)
    ego = rng.uniform(0, 5, (count, 0 if task == "steering" else 3)).astype(np.float32)
    return images, ego


def evaluate(graph: onnx.ModelProto, images: np.ndarray, ego: np.ndarray) -> np.ndarray:
    feed = {"image": images}
    if ego.shape[1]:
        feed |= {"speed_mps": ego[:, :1], "target_ego_m": ego[:, 1:]}
    outputs: Sequence[Any] = ReferenceEvaluator(graph).run(None, feed)  # type: ignore[assignment]
    return np.asarray(outputs[0], np.float32)


def parity_card(task: str, outputs: np.ndarray, negative_control: np.ndarray) -> ParitySpec:
    apart = (
        np.degrees(np.abs(outputs - negative_control)).max()
        if task == "steering"
        else 100 * np.linalg.norm(outputs - negative_control, axis=-1).max()
    )
    return ParitySpec(
        frames=len(outputs),
        limit=0.05,
        unit="deg" if task == "steering" else "cm",
        measured=1e-5,
        negative_control=round(float(apart), 4),
    )


def write_bundle(
    folder: Path, task: str = "steering", graph: onnx.ModelProto | None = None, **card: object
) -> Path:
    """Write a bundle that verifies. `graph` replaces the model that is stored; `card` replaces
    fields of the card.
    """
    genuine, other = model(1, task), model(2, task)
    images, ego = frames(task)
    (folder / "reference").mkdir(parents=True, exist_ok=True)
    arrays = {
        "images": images,
        "ego": ego,
        "outputs": evaluate(genuine, images, ego),
        "negative_control": evaluate(other, images, ego),
    }
    for name, array in arrays.items():
        np.save(folder / "reference" / f"{name}.npy", array, allow_pickle=False)
    (folder / "model.onnx").write_bytes((graph or genuine).SerializeToString())
    (folder / "README.md").write_text("# A student for the tests\n")
    fields: dict[str, object] = {
        "name": f"test-{task}",
        "task": task,
        "inputs": inputs(task),
        "outputs": (output(task),),
        "camera": CameraSpec(width=32, height=24, fov_deg=90.0),
        "preprocessing": PreprocessingSpec(size=(24, 32)),
        "steering": SteeringSpec(max_road_wheel_deg=70.0),
        "vehicle": VehicleSpec(name="test car", wheelbase_m=2.8),
        "rate_hz": 10.0,
        "waypoint_times_s": () if task == "steering" else TIMES_S,
        "training": Provenance(
            method="samd",
            backbone="test",
            auxiliaries=(Modality.DEPTH,),
            dataset_sha256="0" * 64,
            seed=1,
            auxdrive_version="0.1.0",
        ),
        "parity": parity_card(task, arrays["outputs"], arrays["negative_control"]),
        "files": sha256_of_files(folder),
    }
    made = ModelCard.model_validate({**fields, **card})
    (folder / "card.json").write_text(made.model_dump_json(indent=2))
    return folder
