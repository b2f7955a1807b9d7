"""`auxdrive drive --video`: drives as videos within the page, with the plan and the controls."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.html.document import POLICY
from auxdrive.inspection.dashboard import with_controls
from auxdrive.inspection.palette import BLUE, GREEN, INK, ORANGE, VERMILLION
from auxdrive.modalities import Modality
from auxdrive.types import Control, Observation, Prediction, UInt8
from auxdrive_eval.driving.drivers import AgentDriver
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.onlookers.filming import RouteVideo
from auxdrive_eval.driving.onlookers.keeping import KeepOptions, kept
from auxdrive_eval.driving.runner import drive_route
from auxdrive_eval.driving.settings import DriverSource, evaluation_settings
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.merge import merge
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import VIDEO
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.report.route_drive import video_of
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from page_tree import parse
from small_world import SETTINGS, Agent

av = pytest.importorskip("av")


def frames_of(content: bytes) -> tuple[list[float], list[UInt8]]:
    with av.open(io.BytesIO(content)) as container:
        decoded = list(container.decode(container.streams.video[0]))
    return [frame.time for frame in decoded], [
        frame.to_ndarray(format="rgb24") for frame in decoded
    ]


def near(image: UInt8, colour: tuple[int, int, int]) -> int:
    """How many pixels have about this colour; videos blur."""
    away = np.abs(image.astype(int) - np.array(colour)).max(axis=-1)
    return int((away < 40).sum())


class Ahead(Agent):
    """Predicts waypoints straight ahead."""

    def act(self, observation: Observation, auxiliaries: Mapping[Modality, Any]) -> Prediction:
        super().act(observation, auxiliaries)
        points = np.array([[2.0, 0.0], [4.0, 0.0], [6.0, 0.0], [8.0, 0.0]], np.float32)
        return Prediction(
            observation.time_s, 1.0, waypoints_ego_m=points, waypoint_times_s=(0.5, 1.0, 1.5, 2.0)
        )


def test_a_video_has_a_frame_for_each_prediction_with_the_plan_and_the_controls(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> None:
    driver, film = AgentDriver(Ahead(), "pure_pursuit"), RouteVideo(simulator)
    result = drive_route(
        simulator, short_routes[0], driver, rules=RULE_SETS["1.0"], seed=1, onlookers=(film,)
    )
    times_s, images = frames_of(film.end(result)[VIDEO])
    assert len(images) == result.tally.predictions
    assert times_s == pytest.approx(0.1 * np.arange(len(images)), abs=1e-3)
    height, width = images[0].shape[:2]
    assert (height % 2, width % 2, width) == (0, 0, 480)
    panel = slice(height - 64, height)
    assert near(images[10][: height - 64], ORANGE) > 100  # the plan
    throttle = [near(image[panel], GREEN) for image in images]
    assert max(throttle) > 300  # it sets off
    brake = [near(image[panel], VERMILLION) for image in images]
    assert min(brake) < 50


def test_controls_are_drawn_where_they_belong() -> None:
    image = np.zeros((91, 301, 3), np.uint8)

    def drawn(control: Control) -> UInt8:
        return with_controls(image, control, 0.5, [("12.0 s", INK), ("a" * 200, INK)])

    none, full = drawn(Control(0.0, 0.0, 0.0)), drawn(Control(0.25, 1.0, 0.5))
    assert none.shape == full.shape == (92 + 64, 302, 3)
    exact = {name: (full == np.array(c)).all(axis=-1) for name, c in
             (("steer", BLUE), ("throttle", GREEN), ("brake", VERMILLION))}  # fmt: skip
    assert not (none == np.array(VERMILLION)).all(axis=-1).any()
    wide = {name: np.flatnonzero(found.any(axis=0)) for name, found in exact.items()}
    assert len(wide["brake"]) == pytest.approx(len(wide["throttle"]) / 2, abs=2)
    low, high = wide["throttle"][[0, -1]]
    middle = (low + high) / 2
    # half of the maximum steering angle to the left: a quarter of the bar, left of its middle
    assert wide["steer"][-1] == pytest.approx(middle, abs=2)
    assert len(wide["steer"]) == pytest.approx((high - low) / 4, abs=3)
    right = (drawn(Control(-9.0, 0.0, 0.0)) == np.array(BLUE)).all(axis=-1).any(axis=0)
    assert np.flatnonzero(right)[[0, -1]] == pytest.approx([middle, high], abs=2)


@pytest.fixture(scope="module")
def filmed(
    tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...]
) -> tuple[Path, Evaluation]:
    out = tmp_path_factory.mktemp("filmed") / "out"
    keep = KeepOptions(video=True)
    return out, drive_all(short_routes, DriverSource(None), SETTINGS, out, keep=keep)


def test_filming_changes_nothing_of_the_drive(
    filmed: tuple[Path, Evaluation], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    plain = drive_all(short_routes, DriverSource(None), SETTINGS, tmp_path / "out")
    for ours, theirs in zip(filmed[1].driven, plain.driven, strict=True):
        assert (ours.trace == theirs.trace).all()
        assert (ours.events, ours.film) == (theirs.events, theirs.film)
        assert ours.record.scores == theirs.record.scores
        assert set(ours.beside) - set(theirs.beside) == {"video.mp4"}
    assert "<video" not in drive_report(plain)


def test_the_page_holds_the_videos_and_loads_nothing(filmed: tuple[Path, Evaluation]) -> None:
    out, evaluation = filmed
    page = drive_report(evaluation)
    videos = [attributes for tag, attributes in parse(page).tags if tag == "video"]
    assert [str(each["src"])[:22] for each in videos] == ["data:video/mp4;base64,"] * 2
    assert all("controls" in each and "autoplay" not in each for each in videos)
    assert "media-src data:" in POLICY
    assert POLICY in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    times_s, _ = frames_of((out / "routes/00000" / VIDEO).read_bytes())
    assert times_s[-1] == pytest.approx(evaluation.driven[0].trace["time_s"][-1], abs=0.11)


def test_a_video_for_which_there_is_no_room_is_named(filmed: tuple[Path, Evaluation]) -> None:
    driven: StoredRoute = filmed[1].driven[1]
    assert "is in routes/00001/video.mp4: this page has no room for it" in video_of(driven, 10)
    assert "<video" in video_of(driven, 1 << 30)


def test_videos_are_joined_with_their_routes(
    filmed: tuple[Path, Evaluation], tmp_path: Path
) -> None:
    out, evaluation = filmed
    joined = merge([out], tmp_path / "joined", evaluation.routes)
    for index in range(2):
        name = f"routes/{index:05d}/{VIDEO}"
        assert (tmp_path / "joined" / name).read_bytes() == (out / name).read_bytes()
    shutil.rmtree(tmp_path / "joined" / "routes")
    assert joined.driven[0].record == evaluation.driven[0].record


def test_a_crash_leaves_no_video(simulator: EmbeddedSimulator, longer_route: Route) -> None:
    class Crashes(EmbeddedSimulator):
        def step(self, control: Control) -> Any:
            state = super().step(control)
            if state.frame == 10:
                raise SimulationCrashed("gone")
            return state

    crashing = Crashes(camera=simulator.camera, traffic=0)
    film = RouteVideo(crashing)
    driver = AgentDriver(Ahead(), "pure_pursuit")
    result = drive_route(
        crashing, longer_route, driver, rules=RULE_SETS["1.0"], seed=1, onlookers=(film,)
    )
    assert result.crashed
    assert film.end(result) == {}
    crashing.close()


def test_without_pyav_nothing_begins(
    short_routes: tuple[Route, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxdrive.extras.find_spec", lambda _: None)
    settings = evaluation_settings(
        short_routes, DriverSource(None), SETTINGS, rules="1.0", repeats=1, seed=0
    )
    with pytest.raises(ModuleNotFoundError, match="'av'"), kept(KeepOptions(video=True), settings):
        pass
