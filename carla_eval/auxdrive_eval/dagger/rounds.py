"""The rounds of DAgger: the newest student drives while the expert labels, the recordings are added
up, and the next student trains on all of them.

Each stage can be stopped at any time: recordings, runs and drives go on where they were, and their
frames, labels and weights are the same, bit for bit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.command_process import command
from auxdrive.errors import UsageError
from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import workers_of
from auxdrive.runs import Chosen, RunFolder, write_chosen
from auxdrive.storage.claims import claim
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import exists, make_folder
from auxdrive.strict_yaml import dump_yaml
from auxdrive.work import counted

from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.seating import Student
from auxdrive_eval.collecting.settings import (
    SETTINGS_NAME,
    CollectSettings,
    read_settings,
)
from auxdrive_eval.dagger.choosing import chosen_of, is_over, table_of
from auxdrive_eval.dagger.efforts import efforts
from auxdrive_eval.dagger.folder import DAGGER, DaggerFolder, DaggerState, Round, begun
from auxdrive_eval.dagger.settings import DaggerConfig
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import SETTINGS_NAME as DRIVE_SETTINGS_NAME
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.routes.plan import parse_seeds, routes_of_seeds
from auxdrive_eval.simulators.settings import make_simulator
from auxdrive_eval.staged import Staged

_LOG = logging.getLogger(__name__)
SEEDS_APART = 1000
"""Rounds of other seeds, and the expert's recording, have other traffic and disturbances."""


@contextmanager
def dagger_in(out: Path, config: DaggerConfig, workers: int | Workers = 1) -> Iterator[Dagger]:
    """Rounds of DAgger in a folder, new or continued. No other process can use the folder
    meanwhile.

    Args:
        out: the folder; it need not exist.
        config: the settings. Rounds go on with equal ones alone, or with more rounds.
        workers: who record and drive; the results do not depend on it.

    Yields:
        The rounds, with the stages that have finished already.

    Raises:
        UsageError: the folder holds something else, or rounds with other settings, of other data or
            of another version; or `data` is no recording of `auxdrive collect`.
        DataError: the data or the folder's state are damaged.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive.errors import UsageError
        >>> from auxdrive_eval import DaggerConfig, dagger_in
        >>> try:
        ...     with dagger_in(Path("dagger"), DaggerConfig(data=(Path("nowhere"),))) as rounds:
        ...         rounds.run()
        ... except UsageError as error:
        ...     print(str(error).split(",")[0])
        nowhere: is no recording of `auxdrive collect`
    """
    recorded = _recorded(config)
    wanted = begun(config)
    with claim(out, wanted, DAGGER) as earlier:
        kept = wanted if earlier is None else earlier.model_copy(update={"config": config})
        yield Dagger(out, kept, recorded, workers_of(workers))


def _recorded(config: DaggerConfig) -> CollectSettings:
    """The settings of the expert's recording.

    Raises:
        UsageError: there is none.
    """
    if config.collect is not None:
        return config.collect.settings()
    path = config.data[0] / SETTINGS_NAME
    if not exists(path):
        raise UsageError(
            f"{config.data[0]}: is no recording of `auxdrive collect`, by which the rounds are "
            "recorded; name one first under `data`, or say under `collect` what is recorded"
        )
    return read_settings(path)


class Dagger(Staged):
    """Rounds of DAgger in a folder (see `dagger_in`).

    Args:
        out: the folder, which no other process may use.
        state: the settings and the stages that are finished.
        recorded: how the expert's data were recorded.
        workers: who record and drive.
    """

    def __init__(
        self, out: Path, state: DaggerState, recorded: CollectSettings, workers: Workers
    ) -> None:
        self.folder, self.config = DaggerFolder(out), state.config
        self._state, self._recorded, self._workers = state, recorded, workers
        head = state.model_dump(mode="json", exclude={"done", "wall_s"})
        takes = efforts(state.config)
        super().__init__(self.folder.state_path, head, takes, "dagger", state)
        self._say_what_is_chosen()

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The table of rounds as it is now."""
        return table_of(
            DaggerState.model_validate({**dict(self._state), "done": self.done, "wall_s": 0.0})
        )

    def run(self) -> None:
        """Do what is left of the rounds.

        Raises:
            AuxdriveError: a stage failed; what is finished stays.
        """
        self.begin()
        for name in self.names():
            self.do(name)

    def names(self) -> Iterator[str]:
        """The stages in their order, done or not. Each must be done before the next is asked for,
        since the driving scores say whether there is a further round.
        """
        yield "check"
        for number in range(self.config.rounds + 1):
            if is_over(self.rounds[:number], self.config):
                self._end_early()
                return
            of_round = (name for name in efforts(self.config) if name.endswith(f" {number}"))
            yield from of_round

    def do(self, name: str) -> dict[str, Any]:
        """Do a stage unless it is done, and say which round is chosen now.

        Args:
            name: of the stage, one of `names`.

        Returns:
            What the stage gave.

        Raises:
            AuxdriveError: it failed; what is finished stays.
        """
        works = {"collect": self._collect, "train": self._train, "drive": self._drive}
        what, _, number = name.partition(" ")
        work = partial(works[what], int(number)) if number else self._check
        output = self.stage(name, work)
        self._say_what_is_chosen()
        return output

    @property
    def chosen(self) -> Chosen:
        """Which run is the result as things are now."""
        return chosen_of(self.rounds, self.config)

    def _say_what_is_chosen(self) -> None:
        write_chosen(self.folder.path, self.chosen)

    def _end_early(self) -> None:
        self.leave_out([name for name in efforts(self.config) if name not in self.done])
        _LOG.info(
            "%s brought no better driving score: no further round; a larger patience goes on",
            counted(self.config.patience or 0, "round"),
        )

    def _check(self) -> dict[str, Any]:
        """The settings of all trainings are looked at before anything is recorded."""
        for number in (0, 1):
            settings = str(self._training(number))
            command("train", settings, "--data", "data", "--check", prefix=f"round {number}: ")
        return {}

    def _collect(self, number: int) -> dict[str, Any]:
        """The expert drives, or from round 1 on the student of the last round, in part, and the
        expert labels.
        """
        config, earlier = self.config, self._recorded
        if number == 0:
            return self._record(earlier, 0, None)
        seed = earlier.seed + SEEDS_APART * (config.seed + 1) + number
        settings = earlier.model_copy(
            update={
                "seed": seed, "route_seeds": parse_seeds(config.routes), "episodes": None,
                "frames": config.frames, "split": "train", "split_by": "episode", "student": None,
            }
        )  # fmt: skip
        source = DriverSource(AgentSource(self.folder.run_of(number - 1)), config.controller)
        return self._record(settings, number, Student(source, config.mix_of(number), config.ahead))

    def _record(
        self, settings: CollectSettings, number: int, student: Student | None
    ) -> dict[str, Any]:
        wanted = settings.frames or settings.episodes or 1
        collected = collect(
            settings,
            self.folder.data_of(number),
            workers=self._workers,
            student=student,
            on_episode=lambda episodes, frames: self.within(
                (frames if settings.frames else episodes) / wanted
            ),
        )
        made = collected.mistakes
        return {
            "episodes": collected.episodes,
            "frames": collected.frames,
            "mistakes": None if made is None else made.model_dump(),
        }

    def _train(self, number: int) -> dict[str, Any]:
        """A student trains on the expert's data and those of all rounds until now."""
        folder, run = self.folder, self.folder.run_of(number)
        first = [] if self.config.collect is None else [folder.data_of(0)]
        data = [*first, *self.config.data, *(folder.data_of(n) for n in range(1, number + 1))]
        arguments = [str(self._training(number)), "--out", str(run)]
        arguments += [word for path in data for word in ("--data", str(path))]
        if number and self.config.start == "last":
            arguments += ["--init-from", str(folder.run_of(number - 1))]
        if RunFolder(run).is_run:
            arguments += ["--resume"]
        return command("train", *arguments, prefix=f"round {number}: ")

    def _training(self, number: int) -> Path:
        """The file of a round's settings of training, written."""
        settings = self.folder.settings_of(number)
        make_folder(settings.parent)
        write_atomic(settings, dump_yaml(self.config.training(number)).encode())
        return settings

    def _drive(self, number: int) -> dict[str, Any]:
        """The round's student drives the validation routes."""
        out, simulator = self.folder.drive_of(number), self._recorded.simulator
        with closing(make_simulator(simulator, sensors=False)) as planner:
            routes = routes_of_seeds(parse_seeds(self.config.drive), planner)
        source = DriverSource(AgentSource(self.folder.run_of(number)), self.config.controller)
        evaluation = drive_all(
            routes, source, simulator, out, seed=self.config.seed, workers=self._workers,
            resume=exists(out / DRIVE_SETTINGS_NAME),
            on_route=lambda stored, _: self.within((stored.record.index + 1) / len(routes)),
        )  # fmt: skip
        scores = [stored.record.scores for stored in evaluation.driven]
        return {
            "driving_score": float(np.mean([each.score_composed for each in scores])),
            "route_completion": float(np.mean([each.score_route for each in scores])),
        }
