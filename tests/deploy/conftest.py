"""Real runs on small data: trained in seconds by the engine, exported once per session."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import STATE_DTYPE
from auxdrive.modalities import Modality
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import Run, load_run
from auxdrive_train.engine.train import train

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package, and share `precise_bundle`

from precise_bundle import write_precise_bundle

FRAMES = 12


def write_data(
    root: Path, height: int, width: int, episodes: dict[str, tuple[str, ...]], depth: bool = True
) -> Path:
    """Drives whose steering follows a bright stripe, with poses, speeds and target points.
    `episodes`:
    split -> names.
    """
    modalities = (Modality.RGB, Modality.DEPTH) if depth else (Modality.RGB,)
    for seed, name in enumerate(name for names in episodes.values() for name in names):
        rng = np.random.default_rng(seed)
        x = y = yaw = 0.0
        with EpisodeWriter(root, name, modalities) as writer:
            for index in range(FRAMES):
                place = rng.uniform(0.1, 0.9)
                stripe = slice(int(place * width) - width // 20, int(place * width) + width // 20)
                image = np.repeat(
                    rng.integers(0, 60, (height, 1, 3), dtype=np.uint8), width, axis=1
                )
                image += rng.integers(0, 30, (1, width, 3), dtype=np.uint8)
                image[:, stripe] += 150
                near = np.full((height, width), 5000, np.uint16)
                near[:, stripe] = 300
                state = np.zeros((), dtype=STATE_DTYPE)
                state["time_s"], state["x_m"], state["y_m"], state["yaw_rad"] = (
                    index * 0.5,
                    x,
                    y,
                    yaw,
                )
                state["speed_mps"], state["steer_rad"] = 4.0 + rng.uniform(), (0.5 - place) * 0.6
                state["target_x_m"], state["target_y_m"] = 20.0, rng.uniform(-5, 5)
                writer.append(
                    {Modality.RGB: image, Modality.DEPTH: near} if depth else {Modality.RGB: image},
                    state,
                )
                yaw += (0.5 - place) * 0.1
                x, y = x + 2 * np.cos(yaw), y + 2 * np.sin(yaw)
    card = DatasetCard(
        name="stripe", rate_hz=2.0, modalities=modalities,
        camera=CameraSpec(width=width, height=height, fov_deg=90.0, z_m=1.5),
        vehicle=VehicleSpec(name="test car", wheelbase_m=2.8), splits=episodes,
    )  # fmt: skip
    write_card(root, card)
    return root


def trained(out: Path, data: Path, **changes: Any) -> Run:
    values = {
        "preprocessing": {"size": [64, 80]},
        "batch_size": 8,
        "threads": 1,
        "epochs": 1,
        "lr": 2e-3,
        "data": str(data),
        **changes,
    }
    train(parse_config(values), out)
    return load_run(out)


@pytest.fixture(scope="session")
def data_writer() -> Callable[..., Path]:
    """`write_data`, for tests that make data sets of their own."""
    return write_data


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 x 80 pixels; five episodes to validate on, enough for intervals, and one to test on, which
    is not.
    """
    root = tmp_path_factory.mktemp("small")
    return write_data(
        root, 64, 80,
        {"train": ("t0", "t1", "t2"), "val": tuple(f"v{index}" for index in range(5)),
         "test": ("e0",)},
    )  # fmt: skip


@pytest.fixture(scope="session")
def steering_run(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A SAMD student with PilotNet, taught with depth."""
    out = tmp_path_factory.mktemp("runs") / "steering"
    return trained(
        out,
        small_data,
        method="samd",
        aux=["depth"],
        options={"epochs_per_round": 1},
        evaluate=["test"],
        seed=3,
    )


@pytest.fixture(scope="session")
def waypoints_run(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A ResNet-18 for waypoints, with a crop, so that the image is interpolated, and mirrored."""
    crop = {"crop_top": 0.25, "size": [40, 64]}
    return trained(
        tmp_path_factory.mktemp("runs") / "waypoints",
        small_data,
        task="waypoints",
        backbone="resnet18",
        preprocessing=crop,
        augment={"mirror": 0.5},
    )


@pytest.fixture(scope="session")
def hd_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """720p frames: crop, block average and interpolation all at work."""
    data = write_data(
        tmp_path_factory.mktemp("hd"), 720, 1280, {"train": ("t0",), "val": ("v0",)}, depth=False
    )
    prep = {"crop_top": 0.35, "crop_bottom": 0.1, "size": [66, 200]}
    return trained(tmp_path_factory.mktemp("runs") / "hd", data, preprocessing=prep)


@pytest.fixture(scope="session")
def teacher_run(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A teacher: no student in it."""
    return trained(
        tmp_path_factory.mktemp("runs") / "teacher", small_data, method="teacher", aux=["depth"]
    )


@pytest.fixture(scope="session")
def bundles(
    steering_run: Run, waypoints_run: Run, hd_run: Run, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Run, Path]]:
    """Each run with its bundle, by name."""
    folder = tmp_path_factory.mktemp("bundles")
    made = {}
    for run in (steering_run, waypoints_run, hd_run):
        write_bundle(run, folder / run.directory.name)
        made[run.directory.name] = (run, folder / run.directory.name)
    return made


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the steering task with all precisions."""
    return write_precise_bundle(tmp_path_factory.mktemp("bundles") / "whole")
