"""Several training processes: the user's mistakes come out of them as they were raised, not as a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from auxdrive import errors
from auxdrive.errors import AuxdriveError
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessRaisedException


def in_processes(fabric: Fabric, work: Callable[[Fabric], None]) -> None:
    """Run `work` (picklable) in every process of the fabric.

    Raises:
        AuxdriveError: what `work` raised in one of them.
    """
    with TemporaryDirectory() as box:
        try:
            fabric.launch(partial(_told, work=work, box=Path(box)))
        except ProcessRaisedException:
            for told in sorted(Path(box).glob("*.json")):
                raise _error_of(told) from None
            raise


def _told(fabric: Fabric, work: Callable[[Fabric], None], box: Path) -> None:
    try:
        work(fabric)
    except AuxdriveError as error:
        (box / f"{fabric.global_rank}.json").write_text(json.dumps([type(error).__name__, str(error)]))
        raise


def _error_of(told: Path) -> AuxdriveError:
    name, message = json.loads(told.read_text())
    kind = getattr(errors, name, AuxdriveError)
    error: AuxdriveError = kind.__new__(kind)  # some kinds make their message themselves
    error.args = (message,)
    return error
