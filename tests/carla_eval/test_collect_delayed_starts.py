"""`auxdrive collect --delay-starts`: the car is held where it stands, and the label is what the
expert would do.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.delayed_starts import LENGTH_S, DelayedStarts
from auxdrive_eval.collecting.settings import CollectSettings
from auxdrive_eval.simulators.settings import make_simulator
from auxdrive_train.tasks import TASKS
from small_recording import settings

GO, STAY = Control(0.0, 0.5, 0.0), Control(0.0, 0.05, 0.0)


def test_a_start_is_held_once_and_for_its_time() -> None:
    with closing(make_simulator(settings().simulator, sensors=False)) as simulator:
        state = simulator.reset(simulator.random_route(5), 0)
    still, moving = replace(state, speed_mps=0.0), replace(state, speed_mps=2 * STANDING_MPS)

    def held_s(delays: DelayedStarts, since_s: float) -> float:
        """From the first moment at which the expert would go."""
        times_s = np.arange(since_s, since_s + 15, 0.05)
        held = [delays.holds(replace(still, time_s=float(time)), GO) for time in times_s]
        assert held == sorted(held, reverse=True)  # once, and from the beginning
        return float(sum(held)) * 0.05

    delays, lengths_s = DelayedStarts(4, 0.5), []
    for number in range(200):
        assert not delays.holds(replace(still, time_s=20.0 * number), STAY)
        lengths_s.append(held_s(delays, 20.0 * number + 1))
        assert not delays.holds(replace(moving, time_s=20.0 * number + 19), GO)
    delayed = np.array([length for length in lengths_s if length])
    assert 70 < len(delayed) < 130
    assert delayed.min() > LENGTH_S[0] - 0.1
    assert delayed.max() < LENGTH_S[1] + 0.1
    assert not held_s(DelayedStarts(4, 1e-12), 0.0)


def test_while_it_is_held_the_label_goes(tmp_path: Path) -> None:
    one = {"episodes": 1, "max_episode_s": 14.0, "modalities": ("segmentation",), "perturb": False}
    data = Dataset.open(collect(settings(**one, delay_starts=1.0), tmp_path / "delayed").out)
    episode = data.episode("s3-00000")
    state, plan = episode.state, episode.plan
    held = state["disturbed"] == 1  # the route's own start, at the latest in the first second
    assert 3 <= held.sum() <= 4 * LENGTH_S[1] + 1
    assert (state["speed_mps"][held] <= STANDING_MPS).all()
    assert (state["throttle"][held] > 0.1).all()
    assert (state["standing_s"][held].max()) > LENGTH_S[0] / 2
    assert plan is not None
    assert (plan["target_speed_mps"][held] > 1).all()
    assert (state["speed_mps"] <= STANDING_MPS).sum() > held.sum()  # it stands at a line later on
    waypoints = TASKS["waypoints"]().labels(state, 4.0)
    assert not waypoints.valid[held][:-1].any()  # it did not go where the expert would have


def test_without_delays_the_settings_are_as_they_were(tmp_path: Path) -> None:
    text = settings().model_dump_json()
    assert "delay_starts" not in text
    assert CollectSettings.model_validate_json(text) == settings()
    assert "delay_starts" in settings(delay_starts=0.5).model_dump_json()
