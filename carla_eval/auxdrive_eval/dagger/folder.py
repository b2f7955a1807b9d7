"""The folder of rounds of DAgger: its files, what it belongs to, and the table of its rounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxdrive import __version__
from auxdrive.data.dataset import Dataset
from auxdrive.data.driving_mistakes import MistakesMade
from auxdrive.errors import DataError
from auxdrive.storage.claims import FolderKind, changed
from auxdrive.storage.reading import is_file
from auxdrive.strict import Strict, read_model

from auxdrive_eval.collecting.options import CollectOptions
from auxdrive_eval.dagger.settings import DaggerConfig
from auxdrive_eval.staged import StagesDone

STATE_NAME = "dagger.json"


def is_dagger(path: Path) -> bool:
    """Whether rounds of DAgger were begun in the folder."""
    return is_file(path / STATE_NAME)


@dataclass(frozen=True, slots=True)
class DaggerFolder:
    """The paths of the rounds.

    Attributes:
        path: the folder; it need not exist.
    """

    path: Path

    @property
    def state_path(self) -> Path:
        """`dagger.json`: the settings, and the output of each finished stage."""
        return self.path / STATE_NAME

    def settings_of(self, number: int) -> Path:
        """The settings of a round's training."""
        return self.path / "train" / f"round-{number}.yaml"

    def data_of(self, number: int) -> Path:
        """What a round recorded; round 0 the expert alone."""
        return self.path / "data" / f"round-{number}"

    def run_of(self, number: int) -> Path:
        """A round's training."""
        return self.path / self.run_name(number)

    @staticmethod
    def run_name(number: int) -> str:
        """Where a round's training lies in the folder."""
        return f"runs/round-{number}"

    def drive_of(self, number: int) -> Path:
        """How a round's student drives on the validation routes."""
        return self.path / "drives" / f"round-{number}"


class DaggerState(StagesDone):
    """What `dagger.json` holds: the settings, what else decides the results, and the finished
    stages.

    Attributes:
        config: the settings.
        version: of auxdrive.
        data_sha256: fingerprint of `config.data`; empty where there are none.
        data_frames: number of its frames.
    """

    config: DaggerConfig
    version: str
    data_sha256: str
    data_frames: int


def begun(config: DaggerConfig) -> DaggerState:
    """The state before the first stage.

    Args:
        config: the settings.

    Raises:
        DataError: the data cannot be read.
    """
    sha256, frames = "", 0
    if config.data:
        data = Dataset.open(config.data)
        sha256 = data.fingerprint()
        frames = sum(len(data.episode(episode_id)) for episode_id in data.episode_ids)
    return DaggerState(
        config=config, version=__version__, data_sha256=sha256, data_frames=frames, done={}
    )


def read_state(path: Path) -> DaggerState:
    """Read `dagger.json`.

    Args:
        path: of the file.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        return read_model(path, DaggerState)
    except DataError as error:
        raise DataError(f"{error}. Choose another --out") from error


def _differences(before: DaggerState, now: DaggerState) -> list[str]:
    """What differs. More rounds, shares of the expert for them, and how a round is chosen are
    no difference.
    """
    then, wanted = before.config, now.config
    found = [
        changed(name, getattr(then, name), getattr(wanted, name))
        for name in DaggerConfig.model_fields
        if name not in ("collect", "data", "mix", "rounds", "choose", "patience")
        and getattr(then, name) != getattr(wanted, name)
    ]
    found += _differences_of_recordings(then.collect, wanted.collect)
    if wanted.rounds < then.rounds:
        found.append(changed("rounds", then.rounds, wanted.rounds))
    numbers = range(1, then.rounds + 1)
    if [then.mix_of(number) for number in numbers] != [wanted.mix_of(number) for number in numbers]:
        found.append(changed("mix", then.mix, wanted.mix))
    found += [
        changed(name, getattr(before, name), getattr(now, name))
        for name in ("version", "data_sha256")
        if getattr(before, name) != getattr(now, name)
    ]
    return found


def _differences_of_recordings(
    then: CollectOptions | None, wanted: CollectOptions | None
) -> list[str]:
    if then is None or wanted is None:
        return [] if then is wanted else [changed("collect", then, wanted)]
    return [
        changed(f"collect.{name}", getattr(then, name), getattr(wanted, name))
        for name in CollectOptions.model_fields
        if getattr(then, name) != getattr(wanted, name)
    ]


DAGGER: FolderKind[DaggerState] = FolderKind(
    "rounds of DAgger", STATE_NAME, read_state, _differences
)


class Round(Strict):
    """A line of the table of rounds. What has not been done yet is None.

    Attributes:
        number: of the round, from 0; round 0 trains on the expert's recording alone.
        mix: the probability with which the expert drove a stretch; None in round 0.
        frames: recorded by this round; in round 0 those of the expert, and of further data sets.
        frames_in_all: that this round trained on, or held out.
        episodes: recorded by this round; None where data sets that were there are all.
        mistakes: what the student did wrong in them; None in round 0, and where the expert drove
            alone.
        metric: name of the task's main metric.
        open_loop: its value at the student's best epoch, on the expert's validation part.
        driving_score: mean over the validation routes, of 100.
        route_completion: likewise, in percent.
        seconds: wall time of the round's stages.
        chosen: whether its student is the result (`auxdrive_eval.dagger.choosing`).
    """

    number: int
    mix: float | None = None
    frames: int | None = None
    frames_in_all: int | None = None
    episodes: int | None = None
    mistakes: MistakesMade | None = None
    metric: str | None = None
    open_loop: float | None = None
    driving_score: float | None = None
    route_completion: float | None = None
    seconds: float = 0.0
    chosen: bool = False

    @property
    def is_trained(self) -> bool:
        """Whether its student is trained to the end."""
        return self.open_loop is not None


def rounds_of(state: DaggerState) -> tuple[Round, ...]:
    """All rounds that were asked for, round 0 first. Which is chosen is not said here.

    Args:
        state: of the folder.
    """
    found: list[Round] = []
    in_all: int | None = 0
    for number in range(state.config.rounds + 1):
        collected = _output(state, f"collect {number}")
        frames = collected.get("frames")
        if number == 0:
            frames = _frames_at_first(state, frames)
        in_all = None if frames is None or in_all is None else in_all + frames
        trained, driven = _output(state, f"train {number}"), _output(state, f"drive {number}")
        best = {k: v for k, v in trained.get("best", {}).items() if k not in ("phase", "epoch")}
        metric = next(iter(best), None)
        found.append(
            Round(
                number=number,
                mix=state.config.mix_of(number) if number else None,
                frames=frames,
                frames_in_all=in_all,
                episodes=collected.get("episodes"),
                mistakes=collected.get("mistakes"),
                metric=metric,
                open_loop=None if metric is None else best[metric],
                driving_score=driven.get("driving_score"),
                route_completion=driven.get("route_completion"),
                seconds=sum(
                    stage.seconds
                    for name, stage in state.done.items()
                    if name.split()[-1] == str(number)
                ),
            )
        )
    return tuple(found)


def _frames_at_first(state: DaggerState, recorded: int | None) -> int | None:
    """The frames of round 0; None where its recording is not finished."""
    if state.config.collect is None:
        return state.data_frames
    return None if recorded is None else state.data_frames + recorded


def _output(state: DaggerState, stage: str) -> dict[str, Any]:
    """The output of a stage; empty where it is not finished."""
    done = state.done.get(stage)
    return {} if done is None else done.output
