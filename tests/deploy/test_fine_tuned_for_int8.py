"""A student that was fine-tuned for int8: training rounds where the exported graph does, and what
it learned is what the bundle predicts.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from auxdrive import cli
from auxdrive.bundles import IMAGE_INPUT, Bundle, image_inputs
from auxdrive.cards import CameraSpec, DatasetCard, PreprocessingSpec, Provenance, VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.runtimes.onnx_runtime import import_onnxruntime
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import quantised_maps, to_int8
from auxdrive_deploy.provenance import provenance_of
from auxdrive_deploy.student_graph import to_onnx
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.load import Run
from auxdrive_train.models import BACKBONES
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.quantization import fake
from auxdrive_train.quantization.fake import FakeQuantizer
from auxdrive_train.quantization.tape import Place, record
from auxdrive_train.quantization.weights import LARGEST
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task
from torch import nn

HEIGHT, WIDTH = 72, 96
MOBILE = "of a package of one's own, like MobileNet"
CARD = DatasetCard(
    name="none", rate_hz=2.0, modalities=(Modality.RGB,),
    camera=CameraSpec(width=WIDTH, height=HEIGHT, fov_deg=90.0, z_m=1.5),
    vehicle=VehicleSpec(name="test car", wheelbase_m=2.8), splits={},
)  # fmt: skip
RNG = np.random.default_rng(4)
IMAGES = RNG.integers(0, 256, (8, HEIGHT, WIDTH, 3), dtype=np.uint8)


class Inverted(nn.Module):
    """A block as MobileNetV2 has it: wide inside, by channel, and with a residual sum that no Relu
    follows; with the attention to channels of MobileNetV3.
    """

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.widen = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True)
        )
        self.by_channel = nn.Sequential(
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ELU(),
        )
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(inner, 8, 1), nn.ReLU(), nn.Conv2d(8, inner, 1),
            nn.Sigmoid(),
        )  # fmt: skip
        self.narrow = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        wide = self.by_channel(self.widen(maps))
        made = self.narrow(wide * self.attention(wide))
        made += maps
        return made


def untrained(backbone: str, task: Task, frames: int = 1) -> SingleNetwork:
    """A student whose batch norms are not neutral."""
    torch.manual_seed(2)
    name = "pilotnet" if backbone == MOBILE else backbone
    build = Build(name, PreprocessingSpec(size=(64, 80)), task, frames=frames)
    network = SingleNetwork(Modality.RGB, build)
    if backbone == MOBILE:
        stem = network.encoder.convolutions
        stem[1], stem[3] = (
            Inverted(24, 48),
            nn.Sequential(nn.ReLU(inplace=True), nn.MaxPool2d(3, 1, 1)),
        )
    for each in network.modules():
        if isinstance(each, nn.BatchNorm2d):
            nn.init.uniform_(each.weight, 0.5, 1.5)
            each.running_mean.uniform_(-0.2, 0.2)
            each.running_var.uniform_(0.5, 2.0)
    return network.eval()


def computed(model: bytes, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Values within a graph, as ONNX Runtime computes it node by node, without joining any."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    proto = onnx.load_from_string(model)
    there = {each.name for each in proto.graph.output}
    for name in names:
        if name not in there:
            proto.graph.output.append(
                onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            )
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(names, feeds)


@pytest.mark.parametrize(
    ("backbone", "task_name", "frames"),
    [
        *(
            (name, "waypoints" if "bn" in name or "18" in name else "steering", 1)
            for name in BACKBONES
        ),
        (MOBILE, "steering", 1),
        ("pilotnet", "steering", 2),
    ],
)
def test_training_rounds_what_the_exported_graph_rounds(
    backbone: str, task_name: str, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same layers and the same maps; and each map, made of the graph's own maps before it, has
    the graph's values: a sum on the edge of two whole numbers falls to either side, by one step.
    """
    task = make_task(task_name, CARD)
    network = untrained(backbone, task, frames)
    ego = RNG.uniform(0, 10, (len(IMAGES), task.ego.width)).astype(np.float32)
    seen = IMAGES if frames == 1 else np.stack([IMAGES, IMAGES[::-1]], axis=1)
    images, ego_be = torch.from_numpy(seen), torch.from_numpy(ego)
    model = to_onnx(network, task, HEIGHT, WIDTH)
    graph = Graph(model)
    layers, names = graph.heavy(), quantised_maps(model, graph.heavy())
    tape = record(network, images[:2], ego_be[:2])
    quantizer = FakeQuantizer(network, tape)
    assert [f"network.{node.weights}" for node in quantizer.plan.layers.values()] == [
        graph.weights_of(name) for name in layers
    ]
    assert [tape.shapes[name] for name in quantizer.maps] == [graph.shapes[name] for name in names]

    quantizer.measure(network, lambda: [(images, ego_be)])
    int8 = to_int8(model, layers, dict(zip(names, quantizer.ranges.tolist(), strict=True)))
    feeds = {IMAGE_INPUT: IMAGES} | {
        name: ego[:, columns] for name, columns in task.ego.columns.items()
    }
    feeds |= dict.fromkeys(image_inputs(frames)[1:], IMAGES[::-1])
    wanted = [task.output.name, *(f"{name}_of_int8" for name in names)]
    exported, *maps = computed(int8, wanted, feeds)
    apart: dict[int, np.ndarray] = {}
    original = fake._Rounding.given

    def given(self: fake._Rounding, place: Place, result: torch.Tensor) -> torch.Tensor:
        made = original(self, place, result)
        if (number := self.plan.rounds.get(place)) is None:
            return made
        step = float(quantizer.ranges[number]) / LARGEST
        apart[number] = np.abs(made.numpy() - maps[number]) / step
        return torch.from_numpy(maps[number])

    monkeypatch.setattr(fake._Rounding, "given", given)
    with torch.no_grad():
        plain = network.predict(images, ego_be).numpy()
        with quantizer.simulated():
            simulated = network.predict(images, ego_be).numpy()
    assert apart.keys() == {*range(len(names))}
    for number, steps in apart.items():
        assert steps.max() < 1.01, quantizer.maps[number]
        assert (steps > 0.01).mean() < 1e-3, quantizer.maps[number]
    np.testing.assert_allclose(simulated, exported, rtol=1e-5, atol=1e-5)
    assert np.abs(plain - exported).max() > np.abs(simulated - exported).max()


def test_a_fine_tuned_run_goes_through_export_and_verify_and_the_bundle_says_so(
    steering_run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, bundle = tmp_path / "tuned", tmp_path / "bundle"
    data = str(steering_run.config.data[0])
    settings = ["preprocessing.size=[64,80]", "batch_size=8", "threads=1", "lr=1e-4"]
    sets = [part for each in (*settings, "quantize=int8") for part in ("--set", each)]
    start = ["--init-from", str(steering_run.directory), "--epochs", "1"]
    assert cli.run(["train", "--data", data, *start, *sets, "--out", str(run)]) == 0
    gates = ["--gate", "worst=0.5", "--gate", "accuracy_points=100"]
    export = ["export", str(run), "--out", str(bundle), "--precision", "int8", "--json", *gates]
    capsys.readouterr()
    assert cli.run(export) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["card"]["training"]["fine_tuned_for"] == "int8"
    assert report["card"]["training"]["init_from_sha256"] is not None
    assert report["precisions"][0]["float_layers"] == []
    assert "It was fine-tuned for int8" in (bundle / "README.md").read_text()

    held = checkpoint.load(run / "checkpoints" / "last.safetensors").networks
    graph = Graph((bundle / "model.int8.onnx").read_bytes())
    written = [
        float(graph.array(name)) * 127
        for name in graph.stored
        if name.endswith("_scale") and graph.array(name).ndim == 0
    ]
    ranges = held["fake_quantizer.ranges"].tolist()
    # the exporter measures them again, by the same rule on the same frames
    assert sorted(written) == pytest.approx(sorted(ranges), rel=1e-4)

    assert Bundle.open(bundle).precisions == ("fp32", "int8")
    assert cli.run(["verify", str(bundle)]) == 0
    capsys.readouterr()
    assert cli.run(["inspect", str(bundle)]) == 0
    assert "fine-tuned for │ int8 " in " ".join(capsys.readouterr().out.split())


def test_cards_of_other_students_are_as_before(steering_run: Run) -> None:
    plain = provenance_of(steering_run, steering_run.folder.result())
    assert plain.fine_tuned_for is None
    assert "fine_tuned_for" not in plain.model_dump(mode="json")
    assert Provenance.model_validate_json(plain.model_dump_json()) == plain
