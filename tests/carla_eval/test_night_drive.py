"""`docs/make_night_drive.py`: a stored drive as a short animation, through a larger camera."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from auxdrive.cards import CameraSpec
from auxdrive.errors import DataError, UsageError
from auxdrive_eval.conditions import in_condition
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.route_files import load_route
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from PIL import Image, ImageSequence

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "make_night_drive.py"
SETTINGS = SimulatorSettings(
    options={"traffic": 2, "camera": CameraSpec(width=64, height=36, fov_deg=100.0, z_m=1.6)}
)


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_night_drive", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The expert's, of 25 m at night."""
    out = tmp_path_factory.mktemp("night") / "drive"
    simulator = make_simulator(SETTINGS, sensors=False)
    whole = simulator.random_route(1000)
    ends = [tuple(whole.points[place]) for place in (0, 25)]
    route = in_condition(simulator.plan(whole.town, ends), "night", 0)
    drive_all([route], DriverSource(None), SETTINGS, out)
    return out


def test_a_drive_becomes_an_animation_as_fine_as_its_size_allows(
    maker: ModuleType, drive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ["--seconds", "1", "--begin", "1", "--out", str(tmp_path / "film.webp")]
    monkeypatch.setattr(sys, "argv", ["make_night_drive.py", str(drive), *told])
    maker.main()
    with Image.open(tmp_path / "film.webp") as film:
        assert film.n_frames == 7  # every third tick of 20
        # four times the camera, enlarged for the plan's lines, and the controls below
        assert film.size == (512, 288 + 64)
        shown = [np.array(each.convert("RGB")) for each in ImageSequence.Iterator(film)]
    assert np.abs(shown[6].astype(int) - shown[0]).max() > 50
    small = [each[::4, ::4] for each in shown[:3]]
    fine = maker.fitting(small, 0.15, ".webp", 900_000)
    coarse = maker.fitting(small, 0.15, ".webp", len(fine) // 2)
    assert len(coarse) <= len(fine) // 2
    with pytest.raises(UsageError, match="fewer --seconds"):
        maker.fitting(small, 0.15, ".gif", 1000)
    with Image.open(io.BytesIO(maker.fitting(small, 0.15, ".gif", 900_000))) as film:
        assert (film.n_frames, film.info["duration"]) == (3, 150)
    monkeypatch.setattr(sys, "argv", [*sys.argv[:-2], "--out", str(tmp_path / "film.mp4")])
    with pytest.raises(UsageError, match=r"\.webp or \.gif"):
        maker.main()


def test_a_drive_that_is_another_one_when_driven_again_is_refused(
    maker: ModuleType, drive: Path
) -> None:
    stored = load_route(drive, 0)
    trace = stored.trace.copy()
    trace["x_m"][3:] += 0.1
    simulator = make_simulator(SETTINGS, sensors=False)
    route = maker.read_plan(drive)[0]
    seed = maker.traffic_seed(0, route, 0)
    changed = stored.model_copy(update={"trace": trace})
    with pytest.raises(DataError, match=r"another drive from 0\.20 s on"):
        list(maker.frames(simulator, route, seed, changed, range(10, 11)))
    assert maker.best_drive(drive, maker.read_settings(drive)) == 0
    assert 0 <= maker.busiest_s(stored, 2.0) <= stored.trace["time_s"][-1] - 2.0
