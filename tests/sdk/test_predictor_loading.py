"""Loading a predictor: what cannot be had is refused, and so are graphs that are not the card's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bundle_factory
import onnx
import pytest
from auxdrive.errors import AuxdriveError, BundleError, InputError, RuntimeUnavailable, UsageError
from auxdrive.predictor import Predictor
from auxdrive.runtimes.onnx_runtime import import_onnxruntime
from forged_bundles import change
from onnx import TensorProto, helper


def test_load_refuses_what_it_cannot_have(steering_bundle: Path) -> None:
    with pytest.raises(
        UsageError, match=r"unknown runtime 'onnxruntim'\. Did you mean 'onnxruntime'"
    ):
        Predictor.load(steering_bundle, runtime="onnxruntim")
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        Predictor.load(steering_bundle, device="gpu")
    for threads in (0, -1, True, 1.5, "2"):
        with pytest.raises(UsageError, match="threads"):
            Predictor.load(steering_bundle, threads=threads)  # type: ignore[arg-type]
    if "CUDAExecutionProvider" not in import_onnxruntime().get_available_providers():
        with pytest.raises(RuntimeUnavailable, match="CUDAExecutionProvider"):
            Predictor.load(steering_bundle, device="cuda")


def external_weights() -> onnx.ModelProto:
    model = bundle_factory.model(1)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "elsewhere.bin"
    return model


def custom_operator() -> onnx.ModelProto:
    model = bundle_factory.model(1)
    model.graph.node.append(helper.make_node("Steal", ["image"], ["stolen"], domain="evil"))
    return model


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (external_weights(), "in another file"),
        (custom_operator(), "evil::Steal"),
        (bundle_factory.model(1, "waypoints"), "inputs are"),
        (b"garbage", "model.onnx"),
        (b"", "holds no graph"),
    ],
)
def test_graphs_that_are_not_the_cards(
    steering_bundle: Path,
    copy_of: Callable[[Path], Path],
    model: onnx.ModelProto | bytes,
    message: str,
) -> None:
    data = model if isinstance(model, bytes) else bytes(model.SerializeToString())
    with pytest.raises(BundleError, match=message):
        Predictor.load(change(copy_of(steering_bundle), {"model.onnx": data}))


def test_one_thread_unless_more_are_asked_for(steering_bundle: Path) -> None:
    for asked, wanted in (({}, 1), ({"threads": 3}, 3)):
        with Predictor.load(steering_bundle, warm_up=False, **asked) as predictor:
            assert predictor.threads == wanted


def test_every_refusal_is_an_auxdrive_error() -> None:
    assert all(
        issubclass(kind, AuxdriveError)
        for kind in (BundleError, InputError, RuntimeUnavailable, UsageError)
    )
