"""Shrinking a big camera's image: the graph gives what torch gives, to the bit, and makes nothing
of the whole frame's size.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import auxdrive_deploy.byte_shrink
import numpy as np
import onnx
import pytest
import torch
from auxdrive import cli
from auxdrive.bundles import IMAGE_INPUT, MODEL_NAME
from auxdrive.cards import PreprocessingSpec
from auxdrive.checks.graph_reader import read_graph
from auxdrive.checks.operators import ADDS_BYTES
from auxdrive.modalities import Modality
from auxdrive.runtimes.onnx_runtime import import_onnxruntime
from auxdrive_deploy.student_graph import to_onnx
from auxdrive_train.engine.load import Run
from auxdrive_train.models.build import Build
from auxdrive_train.models.inputs import ModalityInput
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.tasks.steering_angle import SteeringTask
from torch import Tensor, nn

# rows, columns, crop (share at the top, at the bottom), size of the network's input: blocks that do
# not come out even, one row or one column to a block with a crop that is no multiple of it, the
# largest blocks.
CASES = [
    (61, 45, (0.3, 0.11), (9, 40)),
    (50, 67, (0.0, 0.0), (8, 8)),
    (40, 90, (0.25, 0.1), (24, 8)),
    (600, 40, (0.1, 0.0), (1, 1)),
]


class Shrinks(nn.Module):
    """A network's input alone."""

    def __init__(self, spec: PreprocessingSpec) -> None:
        super().__init__()
        self.input = ModalityInput(Modality.RGB, spec)

    def predict(self, image: Tensor, ego: Tensor) -> Tensor:
        return self.input(image)


def shrinks(crop: tuple[float, float], size: tuple[int, int]) -> Shrinks:
    return Shrinks(PreprocessingSpec(crop_top=crop[0], crop_bottom=crop[1], size=size)).eval()


def exported(network: Any, height: int, width: int, cast_first: bool = False) -> bytes:
    return to_onnx(network, SteeringTask(), height, width, cast_first)


def outputs_of(model: bytes, frames: Any) -> Any:
    session = import_onnxruntime().InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {IMAGE_INPUT: frames})[0]


def frames_of(height: int, width: int) -> Any:
    return np.random.default_rng(height * width).integers(
        0, 256, (3, height, width, 3), dtype=np.uint8
    )


def users_of_the_image(model: bytes) -> set[str]:
    return {
        node.op_type
        for node in onnx.load_from_string(model).graph.node
        if IMAGE_INPUT in node.input
    }


@pytest.mark.parametrize(("height", "width", "crop", "size"), CASES)
def test_bytes_first_gives_what_torch_gives(
    height: int,
    width: int,
    crop: tuple[float, float],
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auxdrive_deploy.byte_shrink, "SMALL_BYTES", 0)
    monkeypatch.setattr(auxdrive_deploy.byte_shrink, "STRIP_BYTES", 12 * width * 3)
    network, frames = shrinks(crop, size), frames_of(height, width)
    model = exported(network, height, width)
    assert users_of_the_image(model) == {"Slice"}
    np.testing.assert_allclose(
        outputs_of(model, frames),
        network.input(torch.from_numpy(frames)).numpy(),
        rtol=0,
        atol=1e-5,
    )


def test_means_of_blocks_are_exact_and_the_same_in_torch_and_in_the_graph(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The block's size divides the crop, so nothing is interpolated: the whole numbers' mean,
    rounded once.
    """
    monkeypatch.setattr(auxdrive_deploy.byte_shrink, "SMALL_BYTES", 0)
    network, frames = shrinks((0.25, 0.0), (9, 8)), frames_of(36, 56)
    whole = (
        frames[:, 9:].reshape(3, 9, 3, 8, 7, 3).astype(np.int64).sum((2, 4)).transpose(0, 3, 1, 2)
    )
    expected = (
        whole.astype(np.float32) / np.float32(21) * np.float32(1 / 255) - np.float32(0.5)
    ) / np.float32(0.25)
    with torch.no_grad():
        shrunk = network.input(torch.from_numpy(frames)).numpy()
    np.testing.assert_array_equal(shrunk, outputs_of(exported(network, 36, 56), frames))
    np.testing.assert_allclose(shrunk, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "crop", "size"), CASES[:1])
def test_cast_first_gives_the_same_and_takes_the_image_through_cast_alone(
    height: int,
    width: int,
    crop: tuple[float, float],
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, frames = shrinks(crop, size), frames_of(height, width)
    small = exported(network, height, width)
    assert users_of_the_image(small) == {"Cast"}  # small images are cast first in any case
    monkeypatch.setattr(auxdrive_deploy.byte_shrink, "SMALL_BYTES", 0)
    asked = exported(network, height, width, cast_first=True)
    assert users_of_the_image(asked) == {"Cast"}
    for model in (small, asked):
        np.testing.assert_allclose(
            outputs_of(model, frames),
            network.input(torch.from_numpy(frames)).numpy(),
            rtol=0,
            atol=1e-5,
        )


MEASURE = """
import sys
import numpy as np
from auxdrive.runtimes.onnx_runtime import import_onnxruntime

onnxruntime = import_onnxruntime()

def most_mib():
    return next(
        int(line.split()[1]) / 1024
        for line in open("/proc/self/status") if line.startswith("VmHWM")
    )

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
_, height, width, _ = session.get_inputs()[0].shape
frame = np.full((1, height, width, 3), 7, np.uint8)
for _ in range(3):
    session.run(None, {"image": frame})
print(most_mib())
"""


def pilotnet() -> SingleNetwork:
    torch.manual_seed(0)
    spec = PreprocessingSpec(crop_top=0.3, size=(66, 200))
    return SingleNetwork(Modality.RGB, Build("pilotnet_bn", spec, SteeringTask())).eval()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process' memory from /proc")
def test_a_big_frame_needs_little_more_memory_than_a_small_one(tmp_path: Path) -> None:
    """Frame and output included: 6 MiB of pixels, and no float copy of them (24 MiB)."""
    network, most = pilotnet(), {}
    for height, width in ((144, 256), (1080, 1920)):
        path = tmp_path / f"{height}.onnx"
        path.write_bytes(exported(network, height, width))
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
        )
        most[height] = float(done.stdout)
    assert most[1080] - most[144] < 20


def test_onnx_runtime_cuts_strip_after_strip(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Slices along one axis become one Split in its optimiser: a copy of the whole frame, which
    was a third of the time.
    """
    monkeypatch.setattr(auxdrive_deploy.byte_shrink, "SMALL_BYTES", 0)
    monkeypatch.setattr(auxdrive_deploy.byte_shrink, "STRIP_BYTES", 12 * 64 * 3)
    options = import_onnxruntime().SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    import_onnxruntime().InferenceSession(
        exported(shrinks((0.0, 0.0), (16, 16)), 64, 64), options, ["CPUExecutionProvider"]
    )
    optimised = Path(options.optimized_model_filepath).read_bytes()
    assert users_of_the_image(optimised) == {"Slice"}


@pytest.mark.parametrize(("height", "width", "crop", "size"), CASES)
def test_the_ones_that_add_up_bytes_make_no_int8_graph(
    height: int,
    width: int,
    crop: tuple[float, float],
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auxdrive_deploy.byte_shrink, "SMALL_BYTES", 0)
    facts = read_graph(exported(shrinks(crop, size), height, width))
    assert ADDS_BYTES in facts.operators
    assert facts.types == {"uint8", "int32", "int64", "float32"}


def test_graphs_stay_short_for_the_largest_cameras() -> None:
    network = shrinks((0.0, 0.0), (66, 200))
    model = onnx.load_from_string(exported(network, 4320, 7680))
    assert len(model.graph.node) < 400
    assert max(len(node.input) for node in model.graph.node) <= 64


def test_the_command_writes_what_tensorrt_needs_where_it_is_asked(
    hd_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "bundle"
    monkeypatch.setattr(
        sys,
        "argv",
        ["auxdrive", "export", str(hd_run.directory), "--out", str(out), "--cast-first"],
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert users_of_the_image((out / MODEL_NAME).read_bytes()) == {"Cast"}
