"""Students that see earlier images too: trained, exported, evaluated and driven, against images
that are put together by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive import Observation, Predictor, cli
from auxdrive.bundles import REFERENCE_IMAGES, Bundle, parse_card
from auxdrive.checks.verify import verify_bundle
from auxdrive.commands.predicting import predict_files
from auxdrive.data.dataset import Dataset
from auxdrive.errors import BundleError, ConfigError, DataError, InputError
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Float32, Float64, UInt8
from auxdrive_deploy import write_bundle
from auxdrive_deploy.ood.in_graph import describing
from auxdrive_deploy.ood.network import vectors_of
from auxdrive_deploy.precisions.frames import calibration_frames
from auxdrive_deploy.student_graph import student_of
from auxdrive_train import evaluate, open_model
from auxdrive_train.agents.torch_agent import RunAgent
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import Run, load_run
from auxdrive_train.engine.train import train
from PIL import Image

SPLITS = {
    "train": tuple(f"t{number}" for number in range(9)),
    "val": tuple(f"v{number}" for number in range(9)),
    "test": ("e0",),
}
HISTORY = {"frames": 3, "gap_s": 0.5}
SETTINGS = {
    "preprocessing": {"size": [64, 80]}, "batch_size": 16, "threads": 1, "epochs": 1, "lr": 2e-3,
    "history": HISTORY,
}  # fmt: skip
CLOSE = 1e-5  # radians, between torch and ONNX Runtime


@pytest.fixture(scope="module")
def data(data_writer: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames an episode, half a second apart: enough for an out-of-distribution score."""
    return data_writer(tmp_path_factory.mktemp("moving") / "data", 64, 80, SPLITS)


@pytest.fixture(scope="module")
def run(data: Path) -> Run:
    """A student that was taught with depth, of which there is one frame a sample."""
    values = {
        **SETTINGS, "data": str(data), "method": "samd", "aux": ["depth"],
        "options": {"epochs_per_round": 1}, "evaluate": ["test"],
    }  # fmt: skip
    train(parse_config(values), data.parent / "run")
    return load_run(data.parent / "run")


@pytest.fixture(scope="module")
def bundle(run: Run) -> Path:
    out = run.directory.parent / "bundle"
    write_bundle(run, out)
    return out


@pytest.fixture
def predictor(bundle: Path) -> Iterator[Predictor]:
    with Predictor.load(bundle) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def drive(data: Path) -> tuple[UInt8, Float64]:
    """Images and times of an episode that nobody trained on."""
    episode = Dataset.open(data).episode("e0")
    return np.array(episode.frames(Modality.RGB)), episode.state["time_s"]


@pytest.fixture(scope="module")
def by_hand(run: Run, drive: tuple[UInt8, Float64]) -> Float32:
    """What the network predicts of the drive: its channels put side by side here."""
    images, network = drive[0], student_of(run).eval()
    values = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    values = (values - 0.5) / 0.25
    rows = np.arange(len(images))
    seen = torch.cat([values[np.maximum(rows - back, 0)] for back in range(3)], dim=1)
    with torch.no_grad():
        features = network.encoder(seen)
        return network.head(features, torch.zeros((len(rows), 0))).numpy()[:, 0]


def steered(predictor: Predictor, images: AnyArray, time_s: Float64) -> list[float | None]:
    return [
        predictor.predict(Observation(image, now_s)).steer_rad
        for image, now_s in zip(images, time_s, strict=True)
    ]


def test_one_image_a_tick_gives_what_images_side_by_side_give(
    predictor: Predictor,
    run: Run,
    bundle: Path,
    data: Path,
    drive: tuple[UInt8, Float64],
    by_hand: Float32,
) -> None:
    """The predictor in a vehicle, the run in a simulator, and both in `auxdrive evaluate`."""
    images, time_s = drive
    assert np.std(by_hand) > 100 * CLOSE
    assert steered(predictor, images, time_s) == pytest.approx(by_hand.tolist(), abs=CLOSE)
    agent = RunAgent(run)
    for _ in range(2):
        agent.reset()
        acted = [
            agent.act(Observation(*each)).steer_rad
            for each in zip(images, time_s.tolist(), strict=True)
        ]
        assert acted == pytest.approx(by_hand.tolist(), abs=CLOSE)
    label = Dataset.open(data).episode("e0").state["steer_rad"]
    wanted = float(np.degrees(np.abs(by_hand - label).mean()))
    for path in (run.directory, bundle):
        measured = evaluate(open_model(path), [data], "test").metrics["mae_road_wheel_deg"]
        assert measured.value == pytest.approx(wanted, abs=1e-3)


def test_a_drive_begins_anew_after_a_reset_a_pause_and_a_clock_set_back(
    predictor: Predictor, drive: tuple[UInt8, Float64]
) -> None:
    images, time_s = drive
    first = steered(predictor, images, time_s)
    # other clocks than this one, and the clock of this drive once more
    for later_s in (1e9, 1e9 + 100, 0.0):
        assert steered(predictor, images, time_s + later_s) == first
    predictor.reset()
    assert steered(predictor, images[5:], time_s[5:] + 0.5)[0] != first[5]


def test_earlier_images_can_be_given_and_nothing_is_remembered_of_them(
    predictor: Predictor, drive: tuple[UInt8, Float64], by_hand: Float32
) -> None:
    images, time_s = drive
    steered(predictor, images[:4], time_s[:4])
    given = predictor.predict(Observation(images[9], 77.0), [images[8], images[7]])
    assert given.steer_rad == pytest.approx(by_hand[9], abs=CLOSE)
    assert predictor.predict(Observation(images[4], time_s[4])).steer_rad == pytest.approx(
        by_hand[4], abs=CLOSE
    )
    with pytest.raises(InputError, match="1 earlier images were given, and this model takes 2"):
        predictor.predict(Observation(images[9], 1.0), [images[8]])
    with pytest.raises(InputError, match="has the shape"):
        predictor.predict(Observation(images[9], 1.0), [images[8], images[7][:9]])


def test_files_are_drives_of_their_own(
    predictor: Predictor,
    drive: tuple[UInt8, Float64],
    by_hand: Float32,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An animation has its frames' history; an image alone is its own."""
    frames = [Image.fromarray(image) for image in drive[0]]
    film, alone = tmp_path / "film.webp", tmp_path / "image.png"
    frames[0].save(film, save_all=True, append_images=frames[1:], lossless=True)
    frames[0].save(alone)
    found: list[float | None] = []
    failed = predict_files(
        predictor, [film, alone], {}, False, [lambda each: found.append(each.prediction.steer_rad)]
    )
    assert not failed
    assert found == pytest.approx([*by_hand.tolist(), by_hand[0]], abs=CLOSE)
    assert "sees 3 images at once, 0.5 s apart" in capsys.readouterr().err


def test_the_bundle_is_verified_and_its_score_is_of_all_images(bundle: Path, run: Run) -> None:
    """What describes a frame within the graph is computed from all of its images, as precisions
    are calibrated and judged too.
    """
    opened, report = Bundle.open(bundle), verify_bundle(bundle)
    assert [check.name for check in report.checks if not check.passed] == []
    assert "depends on earlier_image_2" in [check.name for check in report.checks]
    assert "`Predictor` remembers the images" in (bundle / "README.md").read_text()
    images, model = opened.read_array(REFERENCE_IMAGES).copy(), opened.read("model.onnx")
    with describing(model, opened.card.inputs) as describe:
        found = describe([images])
        np.testing.assert_allclose(found, vectors_of(student_of(run), [images]), atol=1e-4)
        images[:, 2] = 0
        assert np.abs(describe([images]) - found).max() > 1e-3
    frames = calibration_frames(run, 4)
    assert [image.shape for image in frames.images] == [(3, 64, 80, 3)] * 4


def test_inspect_says_what_is_seen_at_once(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["inspect", str(bundle)]) == 0
    assert re.search(r"history.*3 images at once", capsys.readouterr().out)


def test_a_card_must_name_the_images_that_its_history_needs(bundle: Path) -> None:
    card = json.loads((bundle / "card.json").read_text())
    for history in ({"frames": 2, "gap_s": 0.5}, None):
        changed = {key: value for key, value in card.items() if key != "history"}
        changed |= {"history": history} if history else {}
        with pytest.raises(BundleError, match="inputs: need 'image'"):
            parse_card(json.dumps(changed).encode(), "card.json")


def test_what_sees_one_image_says_nothing_of_a_history(steering_run: Run) -> None:
    """Its config, and so the hashes that are made of it, are as they were."""
    assert "history" not in (steering_run.directory / "config.yaml").read_text()
    assert "history" not in steering_run.config.model_dump()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"history": {"frames": 2, "gap_s": 0.3}}, DataError, r"give a gap of at least 0.5"),
        ({"main": "depth", "history": HISTORY}, ConfigError, r"only the camera's images are rem"),
        ({"history": {"frames": 1}}, ConfigError, r"history\.frames was 3 and is not set"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    run: Run, tmp_path: Path, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    values = {**SETTINGS, "data": str(run.config.data[0]), **changes}
    if changes["history"] == {"frames": 1}:
        values["init_from"] = str(run.directory)
    with pytest.raises(error, match=message):
        train(parse_config(values), tmp_path / "run")
