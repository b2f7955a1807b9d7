"""Small bundles whose graph gives an out-of-distribution score: the mean square of its pooled maps,
times a factor.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import onnx
from auxdrive.bundles import OOD_OUTPUT, reference_ood
from auxdrive.cards import OodSpec
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

SPEC = OodSpec(
    method="mean square", threshold=1e5, false_alarms=0.01, fitted_on=200, held_out=100,
    shrinkage=0.1, flagged={"test": 0.02}, auroc={"black": 0.9},
)  # fmt: skip


def scored_model(task: str = "steering", factor: float = 1e4, of: str = "pooled") -> Any:
    """The genuine model of a task with the score as its second output.

    Args:
        task: of the model.
        factor: by which the score is multiplied.
        of: the value whose mean square it is; "all" holds the ego inputs too.
    """
    model = bundle_factory.model(1, task)
    model.graph.node.extend(
        [
            helper.make_node("Mul", [of, of], ["square"]),
            helper.make_node("ReduceMean", ["square", "columns"], ["mean_square"], keepdims=1),
            helper.make_node("Mul", ["mean_square", "factor"], [OOD_OUTPUT.name]),
        ]
    )
    stored: dict[str, np.ndarray] = {
        "columns": np.array([1], np.int64),
        "factor": np.array(factor, np.float32),
    }
    model.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in stored.items())
    model.graph.output.append(
        helper.make_tensor_value_info(OOD_OUTPUT.name, TensorProto.FLOAT, OOD_OUTPUT.shape)
    )
    onnx.checker.check_model(model)
    return model


def scores(task: str, images: np.ndarray, ego: np.ndarray) -> np.ndarray:
    """The scores (N, 1) of frames by `onnx.reference`."""
    feed: dict[str, np.ndarray] = {"image": images}
    if ego.shape[1]:
        feed |= {"speed_mps": ego[:, :1], "target_ego_m": ego[:, 1:]}
    given: Any = ReferenceEvaluator(scored_model(task)).run([OOD_OUTPUT.name], feed)
    return np.asarray(given[0], np.float32)


def write_scored(folder: Path, task: str = "steering", graph: Any = None, **card: object) -> Path:
    """A bundle with a score that verifies; the arguments are those of `write_bundle`."""
    (folder / "reference").mkdir(parents=True)
    np.save(folder / reference_ood("fp32"), scores(task, *bundle_factory.frames(task)))
    fields = {"outputs": (bundle_factory.output(task), OOD_OUTPUT), "ood": SPEC}
    return bundle_factory.write_bundle(
        folder, task, graph or scored_model(task), **{**fields, **card}
    )
