"""`auxdrive collect --driver`: a student drives, the expert says what it would have done, and what
went wrong is noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.errors import AuxdriveError, UsageError
from auxdrive.types import Observation, Prediction
from auxdrive_eval.collecting.collect import Collected, collect
from auxdrive_eval.collecting.disturbances import Disturbing
from auxdrive_eval.collecting.mixture import STRETCH_S, Mixture
from auxdrive_eval.collecting.planning import planned_episode
from auxdrive_eval.collecting.record import record_episode
from auxdrive_eval.collecting.seating import Student
from auxdrive_eval.collecting.settings import StudentSettings
from auxdrive_eval.collecting.store import more_settings
from auxdrive_eval.collecting.student import (
    HELP_S,
    HESITATION_S,
    WOULD_NOT_START,
    StudentAtTheWheel,
)
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.drivers import AgentDriver
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import make_simulator
from small_recording import settings, tree
from small_world import SETTINGS, Agent
from strange_agents import agent_folder
from typer.testing import CliRunner

SHORT = settings(max_episode_s=4.0)
ALONE = StudentSettings(name="s", sha256="0", role="student", controller=None, mix=0.0)


def student(folder: Path, mix: float, ahead: bool = True) -> Student:
    return Student(DriverSource(AgentSource(folder)), mix, ahead)


def files(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if ".lock" not in name}


def test_the_share_of_1_is_the_expert_and_is_drawn_in_stretches() -> None:
    times_s = np.arange(0, 2000, 0.05)
    for share in (0.0, 0.3, 1.0):
        mixture = Mixture(4, share)
        expert = np.array([mixture.expert_drives(time_s) for time_s in times_s])
        assert expert.mean() == pytest.approx(share, abs=0.06 if 0 < share < 1 else 0)
    changes_s = np.diff(np.flatnonzero(np.diff(expert))) * 0.05
    assert (changes_s > STRETCH_S[0] - 0.1).all()


def test_with_mix_1_the_bytes_are_those_of_the_expert_alone(
    recorded: Collected, tmp_path: Path
) -> None:
    """Nobody even looks for the student."""
    collect(settings(), tmp_path / "mixed", student=student(tmp_path / "nowhere", 1.0))
    assert files(tmp_path / "mixed") == files(recorded.out)


def test_a_mixture_is_labelled_by_the_expert_and_resumed_to_the_same_bytes(
    tmp_path: Path, agents_package: Path
) -> None:
    agent, out, again = agent_folder(tmp_path, "goal"), tmp_path / "data", tmp_path / "again"
    collected = collect(SHORT, out, student=student(agent, 0.5))
    assert collected.episodes == 2
    assert collected.mistakes is not None
    data = Dataset.open(out)
    assert "driven by the student goal (sha256" in data.card.source
    assert "with probability 0.5, its expert" in data.card.source
    assert (data.card.camera.width, data.card.camera.height) == (32, 24)  # the student's own
    for index, episode_id in enumerate(data.episode_ids):
        episode = data.episode(episode_id)
        mixture = Mixture(planned_episode(SHORT, index).perturbation_seed, 0.5)
        own = np.array([not mixture.expert_drives(time_s) for time_s in episode.state["time_s"]])
        assert (episode.state["disturbed"][own] == 1).all()
        assert episode.ahead is not None
        assert episode.ahead.shape == (len(episode), 8)
        assert episode.plan is not None

    def interrupt(episodes: int, _: int) -> None:
        if episodes:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(SHORT, again, student=student(agent, 0.5), on_episode=interrupt)
    collect(SHORT, again, student=student(agent, 0.5), workers=2)
    assert files(again) == files(out)
    with pytest.raises(UsageError, match="begun under other settings: student was"):
        collect(SHORT, again, student=student(agent, 0.25))
    with pytest.raises(UsageError, match="the student goal drove there, and --more does not know"):
        more_settings(again, 1)


def test_a_student_that_fails_costs_its_episode_alone(tmp_path: Path, agents_package: Path) -> None:
    good, bad = agent_folder(tmp_path, "goal"), agent_folder(tmp_path, "raises")
    out = tmp_path / "data"
    with pytest.raises(
        AuxdriveError, match=r"s3-00000 was not recorded: the student failed .*boom"
    ):
        collect(SHORT, out, student=student(bad, 0.0))
    assert [path.name for path in (out / "episodes").iterdir()] == []
    assert collect(settings(max_episode_s=1.0), out, student=student(good, 0.0)).episodes == 2


def test_without_what_lies_ahead_the_rest_is_the_same(tmp_path: Path, agents_package: Path) -> None:
    agent = agent_folder(tmp_path, "goal")
    whole = Dataset.open(collect(SHORT, tmp_path / "whole", student=student(agent, 0.5)).out)
    less = Dataset.open(collect(SHORT, tmp_path / "less", student=student(agent, 0.5, False)).out)
    for episode_id in whole.episode_ids:
        ours, theirs = less.episode(episode_id), whole.episode(episode_id)
        assert ours.ahead is None
        assert theirs.ahead is not None
        np.testing.assert_array_equal(ours.state, theirs.state)
        np.testing.assert_array_equal(ours.plan, theirs.plan)
    with pytest.raises(UsageError, match="begun under other settings: student was"):
        collect(SHORT, tmp_path / "less", student=student(agent, 0.5))


class Stays(Agent):
    """Wants to stay where it is."""

    def act(self, observation: Observation, auxiliaries: Mapping[Any, Any]) -> Prediction:
        here = np.zeros((4, 2), np.float32)
        return Prediction(observation.time_s, 1.0, None, here, (0.5, 1.0, 1.5, 2.0))


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with closing(make_simulator(SETTINGS)) as made:
        yield made


@pytest.mark.parametrize("kind", ["stays", "circles"])
def test_what_went_wrong_is_noted_a_lost_student_ends_and_one_that_stays_is_helped(
    simulator: Simulator, tmp_path: Path, kind: str
) -> None:
    driver = AgentDriver(Stays() if kind == "stays" else Agent(), None)
    plan = planned_episode(SHORT, 0)
    frames = record_episode(
        simulator,
        tmp_path,
        plan,
        SHORT.modalities,
        ticks_per_frame=5,
        max_episode_s=30.0,
        disturbing=Disturbing(perturb=False),
        student=StudentAtTheWheel(driver, ALONE),
    )
    episode = EpisodeReader(tmp_path / "episodes" / plan.episode_id)
    assert len(episode) == frames
    last_s = float(episode.state["time_s"][-1])
    if kind == "stays":
        first, *later = episode.mistakes
        assert {each.kind for each in episode.mistakes} == {WOULD_NOT_START}
        assert last_s == pytest.approx(30.0, abs=0.3)
        helped_s = first.time_s + HESITATION_S
        at_s, speed_mps = episode.state["time_s"], episode.state["speed_mps"]
        stood = (at_s > first.time_s) & (at_s < helped_s)
        helped = (at_s > helped_s + 1.0) & (at_s < helped_s + HELP_S)
        assert (episode.state["throttle"][stood] > 0).all()
        assert (speed_mps[stood] < 0.1).all()
        assert (speed_mps[helped] > 0.1).all()
        assert episode.state["disturbed"][stood].all()
        assert not episode.state["disturbed"][helped].any()
        assert later, "who stays stays again"
    else:
        assert {mistake.kind for mistake in episode.mistakes} & {
            "collisions_layout", "collisions_vehicle", "outside_route_lanes", "route_dev",
        }  # fmt: skip
        assert all(0 <= mistake.time_s <= last_s + 0.3 for mistake in episode.mistakes)


def test_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    for arguments, words in (
        (["--mix", "0.5"], "--mix goes with --driver"),
        (["--no-ahead"], "--ahead goes with --driver"),
        (["--driver", str(tmp_path / "none"), "--size", "32x24"], "its own camera"),
        (["--driver", str(tmp_path / "none")], "no such bundle or run"),
    ):
        line = ["collect", "--out", str(tmp_path / "data"), *arguments]
        result = CliRunner().invoke(build_app(), line)
        assert isinstance(result.exception, UsageError)
        assert words in str(result.exception)
