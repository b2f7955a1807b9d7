"""The options that choose who does the jobs of a command: processes of this machine, or workers on
the nodes of a Ray cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from auxdrive.commands.named_values import values_of
from auxdrive.errors import UsageError

if TYPE_CHECKING:
    from auxdrive.machine.jobs import Workers

WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="How many work side by side; the results do not depend on it (default: 1; with --ray "
        "as many as the cluster has room for).",
        show_default=False,
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Work on the nodes of a Ray cluster: auto, or HOST:PORT of its head. Run the command "
        "on one of them.",
        show_default=False,
    ),
]
RayTakesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ray-takes",
        metavar="NAME=AMOUNT",
        help="What each worker takes of its node, such as CPU=2 or GPU=1 (default: CPU=1); may be "
        "repeated.",
        show_default=False,
    ),
]


@contextmanager
def chosen_workers(
    count: int | None,
    ray: str | None,
    takes: Sequence[str] | None,
    own: Mapping[str, float] | None = None,
) -> Iterator[Workers]:
    """The workers that a user chose, for the `with` block.

    Args:
        count: how many; None if that was not given.
        ray: address of a Ray cluster; None for processes of this machine.
        takes: of the form NAME=AMOUNT.
        own: amounts that the command's workers take unless `takes` says otherwise.

    Raises:
        UsageError: an amount is not possible, or the cluster cannot be reached.
    """
    amounts = {
        name: _amount(name, value)
        for name, value in values_of("--ray-takes", takes, "GPU=1").items()
    }
    if ray is None:
        from auxdrive.machine.worker_processes import Processes

        if amounts:
            raise UsageError("--ray-takes is of a Ray cluster: give --ray as well")
        yield Processes(1 if count is None else count)
        return
    from auxdrive.machine.ray_workers import RayWorkers

    with closing(RayWorkers(ray, count, {**(own or {}), **amounts})) as workers:
        yield workers


def _amount(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        raise UsageError(f"--ray-takes {name}={value}: give an amount, 0 or more")
    return float(value)
