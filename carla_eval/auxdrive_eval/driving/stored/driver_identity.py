"""What the driver of an evaluation consists of, file by file, as it stands in the folder of the
evaluation (`driver.json`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from auxdrive.cards import CameraSpec
from auxdrive.errors import DataError
from auxdrive.mistakes import mistakes_of
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import read_bytes
from auxdrive.strict import Strict
from pydantic import BaseModel, Field, ValidationError

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.fingerprint import fingerprint, hash_files, names_of_files

DRIVER_NAME = "driver.json"
_LARGEST_FILE = 1 << 30
_NAMED = 5


class DriverIdentity(Strict):
    """What the driver consists of.

    Attributes:
        sha256: hash of everything; empty for the expert.
        files: SHA-256 of each file by its name; empty if the agent states its own fingerprint.
        made_while_driving: files that appeared in the agent's folder during the drive, such as
            logs. They do not belong to the agent.
        sensors: the leaderboard's names of its sensors; empty if the agent could not be set up.
        camera: through which it sees; None for the expert, and where it could not be set up.
    """

    sha256: str = ""
    files: dict[str, str] = Field(default={})
    made_while_driving: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    camera: CameraSpec | None = None

    def changes(self, now: DriverIdentity) -> str:
        """The differences between this driver and a later one in words; empty if there are none."""
        if self.sha256 == now.sha256:
            return ""
        changed = sorted(
            name
            for name in self.files.keys() & now.files.keys()
            if self.files[name] != now.files[name]
        )
        words = [f"{name} changed" for name in changed]
        words += [f"{name} is new" for name in sorted(now.files.keys() - self.files.keys())]
        words += [f"{name} is gone" for name in sorted(self.files.keys() - now.files.keys())]
        more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
        return (
            "the agent is another one: "
            f"{', '.join(words[:_NAMED]) or 'it says another fingerprint'}{more}"
        )

    def with_new_files(self, agent: AgentSource, out: Path) -> DriverIdentity:
        """The same, with the files that have appeared since in `made_while_driving`.

        Args:
            agent: whose folder is looked at; its files are not read.
            out: the evaluation's folder, which does not belong to the agent.

        Raises:
            UsageError: the agent's folder cannot be read.
        """
        if not self.files:
            return self
        new = names_of_files(agent.path, out) - self.files.keys()
        return self.model_copy(
            update={"made_while_driving": tuple(sorted(new | set(self.made_while_driving)))}
        )


def identify(
    agent: AgentSource | None,
    said: str | None,
    sensors: Sequence[str],
    out: Path,
    before: DriverIdentity,
) -> DriverIdentity:
    """Find out what the driver consists of now.

    Args:
        agent: where the agent is loaded from; None for the expert.
        said: the agent's own fingerprint; None if it states none, and then its files are hashed.
        sensors: the leaderboard's names of its sensors, such as "carla_camera".
        out: the evaluation's folder, which does not belong to the agent.
        before: the driver of the evaluation that is being resumed, or an empty one. Files that it
            lists as made while driving are no part of the agent.

    Raises:
        UsageError: its files cannot be read.
    """
    if agent is None:
        return DriverIdentity(sensors=tuple(sensors))
    if said is not None:
        return DriverIdentity(sha256=fingerprint({"said": said}), sensors=tuple(sensors))
    made = before.made_while_driving
    files = {name: value for name, value in hash_files(agent.path, out).items() if name not in made}
    return DriverIdentity(
        sha256=fingerprint(files), files=files, made_while_driving=made, sensors=tuple(sensors)
    )


def write_driver(out: Path, driver: DriverIdentity) -> None:
    """Write `driver.json`.

    Args:
        out: the evaluation's folder.
        driver: what the driver consists of.

    Raises:
        DataError: the disk cannot be written.
    """
    write_atomic(out / DRIVER_NAME, json_of(driver))


def read_driver(folder: Path) -> DriverIdentity:
    """Read the driver of an evaluation.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / DRIVER_NAME
    try:
        return DriverIdentity.model_validate_json(read_bytes(path, _LARGEST_FILE))
    except ValidationError as error:
        raise DataError(
            f"{path}: is damaged ({mistakes_of(error)[0]}); choose another --out"
        ) from error


def json_of(model: BaseModel) -> bytes:
    """A model as the text of a file."""
    # Not with pydantic's writer: file names may hold bytes that are not UTF-8.
    return json.dumps(model.model_dump(mode="json"), indent=2).encode() + b"\n"
