"""Reads the town of a map in a process of its own, since the stock client ends the process in which
it reads a map that is damaged in some ways.

    python -m auxdrive_eval.simulators.embedded.opendrive.reading FILE

writes the town, or the error, to its standard output (pickle).
"""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

from auxdrive.errors import AuxdriveError, DataError
from auxdrive.extras import needed_by_library
from auxdrive.machine.worker_processes import how_it_ended

from auxdrive_eval.road_maps.carla_map import open_map
from auxdrive_eval.simulators.embedded.opendrive.town import TownOfMap, town_of_map

LONGEST_S = 180.0
"""CARLA's largest towns take a few seconds."""


def read_town(path: Path) -> TownOfMap:
    """Read the town of an OpenDRIVE file.

    Args:
        path: of the file.

    Raises:
        DataError: it cannot be read, is no map, or none that can be driven on.
        MissingExtra: the extra [carla] is not installed.
    """
    with needed_by_library("the town of an OpenDRIVE file", "carla"):
        import carla  # noqa: F401 - only whether it is there
    command = [sys.executable, "-m", __name__, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        raise DataError(
            f"{path}: the stock client did not read this map within {LONGEST_S:g} s; is it damaged?"
        ) from None
    if done.returncode != 0:
        end = how_it_ended(done.returncode)
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise DataError(
            f"{path}: the stock client does not survive this map; it is damaged ({end}"
            f"{': ' + said[0] if said else ''})"
        )
    result = pickle.loads(done.stdout)  # noqa: S301 - what our own process wrote
    if isinstance(result, AuxdriveError):
        raise result
    assert isinstance(result, TownOfMap)
    return result


def _read(path: Path) -> TownOfMap:
    try:
        return town_of_map(open_map(path))
    except DataError as error:
        said = str(error)
        raise DataError(said if said.startswith(str(path)) else f"{path}: {said}") from None


def main() -> None:
    """Read the town of the file that the command line names."""
    if hasattr(signal, "alarm"):
        # who asked may be gone, and a client that hangs lets no thread of Python work
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(math.ceil(LONGEST_S))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the client warns on the standard output
    result: TownOfMap | AuxdriveError
    try:
        result = _read(Path(sys.argv[1]))
    except AuxdriveError as error:
        result = error
    with out:
        pickle.dump(result, out)


if __name__ == "__main__":
    from auxdrive_eval.simulators.embedded.opendrive import reading

    reading.main()  # so that the town's class has the module's name, not __main__
