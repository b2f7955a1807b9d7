"""What a recording holds where a student drove: the labels of the expert, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.modalities import Modality
from auxdrive.types import Control
from auxdrive_eval.driving.drivers import AgentDriver
from auxdrive_eval.driving.onlookers.base import Moment
from auxdrive_eval.driving.onlookers.keeping import KeepOptions, kept
from auxdrive_eval.driving.onlookers.record_settings import RecordOptions
from auxdrive_eval.driving.runner import RouteResult, drive_route
from auxdrive_eval.driving.settings import DriverSource, evaluation_settings
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from small_world import CAMERA, SETTINGS, Agent

RGB_DEPTH = (Modality.RGB, Modality.DEPTH)


@dataclass
class Controls:
    """An onlooker that keeps the controls, and what the expert would have done."""

    driver: list[Control] = field(default_factory=list)
    expert: list[Control] = field(default_factory=list)

    def look(self, moment: Moment) -> None:
        self.driver.append(moment.control)
        self.expert.append(moment.simulator.expert())

    def end(self, result: RouteResult) -> None:
        pass

    def drop(self) -> None:
        pass


def recorded_by(
    driver: AgentDriver, simulator: EmbeddedSimulator, route: Route, folder: Path
) -> tuple[EpisodeReader, Controls]:
    settings = evaluation_settings(
        [route], DriverSource(None), SETTINGS, rules="1.0", repeats=1, seed=0
    ).model_copy(update={"driver": "test", "driver_sha256": "ab" * 32})
    noted = Controls()
    with kept(KeepOptions(RecordOptions(folder, 4.0, RGB_DEPTH)), settings) as keeping:
        onlookers = (noted, *keeping.onlookers(simulator, route, 0))
        result = drive_route(
            simulator, route, driver, rules=RULE_SETS["1.0"], seed=1, onlookers=onlookers
        )
        for onlooker in onlookers:
            onlooker.end(result)
        keeping.stored()
    return Dataset.open(folder).episode("drive-00000"), noted


def test_labels_are_what_the_expert_does_from_there_on(
    simulator: EmbeddedSimulator, longer_route: Route, tmp_path: Path
) -> None:
    """The drive is repeated in another simulator, up to a frame, and then given to the expert."""
    driver = AgentDriver(Agent(), "steering")
    episode, noted = recorded_by(driver, simulator, longer_route, tmp_path)
    ahead = episode.ahead
    assert ahead is not None
    assert ahead.shape == (len(episode), 8)
    steps = [5 * row for row in range(len(episode))]
    assert episode.state["steer_rad"] == pytest.approx([noted.expert[i].steer_rad for i in steps])
    assert episode.state["brake"] == pytest.approx([noted.expert[i].brake for i in steps])
    assert np.abs(episode.state["steer_rad"] - 0.3).max() > 0.1  # the student's own control
    again = EmbeddedSimulator(camera=CAMERA, traffic=2, render=False)
    for row in (0, len(episode) // 2, len(episode) - 1):
        state = again.reset(longer_route, 1)
        for control in noted.driver[: 5 * row]:
            state = again.step(control)
        assert (state.ego.x_m, state.time_s) == (
            episode.state["x_m"][row],
            episode.state["time_s"][row],
        )
        for place in range(8):
            for _ in range(5):
                state = again.step(again.expert())
            found = ahead[row, place]
            ego = (state.ego.x_m, state.ego.y_m, state.ego.yaw_rad)
            assert (found["x_m"], found["y_m"], found["yaw_rad"]) == ego
            assert found["time_s"] == state.time_s
            assert found["speed_mps"] == np.float32(state.speed_mps)
            assert not found["disturbed"]


class Breaks(Agent):
    """A mistake that is nobody's failure: a bug of ours."""

    def act(self, *_: object) -> Any:
        if len(self.seen) > 20:
            raise RuntimeError("a bug")
        return super().act(*_)  # type: ignore[arg-type]


def test_what_ends_the_process_leaves_no_half_episode(
    simulator: EmbeddedSimulator, longer_route: Route, tmp_path: Path
) -> None:
    from auxdrive_eval.driving.onlookers.base import dropping

    settings = evaluation_settings(
        [longer_route], DriverSource(None), SETTINGS, rules="1.0", repeats=1, seed=0
    )
    with kept(KeepOptions(RecordOptions(tmp_path, 4.0, RGB_DEPTH)), settings) as keeping:
        onlookers = keeping.onlookers(simulator, longer_route, 0)
        with pytest.raises(RuntimeError, match="a bug"), dropping(onlookers):
            drive_route(
                simulator,
                longer_route,
                AgentDriver(Breaks(), "steering"),
                rules=RULE_SETS["1.0"],
                seed=1,
                onlookers=onlookers,
            )
        assert not any((tmp_path / "episodes").iterdir())
