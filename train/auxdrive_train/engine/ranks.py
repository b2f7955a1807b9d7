"""Training processes (ranks) that torchrun started, on one machine or several, and how a process
leaves the others.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from auxdrive.data.dataset import Dataset
from auxdrive.errors import ConfigError, UsageError
from auxdrive.runs import RunFolder
from auxdrive.storage.reading import exists
from lightning_fabric import Fabric
from torch import distributed
from torch.distributed.rendezvous import rendezvous

from auxdrive_train.engine.config import TrainConfig

_RESTARTS = "TORCHELASTIC_RESTART_COUNT"


@dataclass(frozen=True, slots=True)
class Rank:
    """This process among those of torchrun.

    Attributes:
        number: from 0.
        world: how many there are.
        here: how many of them are on this machine.
        restarted: whether torchrun started them again, after one was lost.
    """

    number: int
    world: int
    here: int
    restarted: bool

    @classmethod
    def of_torchrun(cls, environment: Mapping[str, str] = os.environ) -> Self | None:
        """The rank that torchrun told this process; None where it was not started by torchrun.

        Args:
            environment: of the process.
        """
        if "TORCHELASTIC_RUN_ID" not in environment or "RANK" not in environment:
            return None
        return cls(
            int(environment["RANK"]),
            int(environment["WORLD_SIZE"]),
            int(environment["LOCAL_WORLD_SIZE"]),
            int(environment.get(_RESTARTS, "0")) > 0,
        )

    def fabric(self, config: TrainConfig) -> Fabric:
        """The processes as Fabric has them. They are connected when this returns.

        Args:
            config: of the training.

        Raises:
            ConfigError: the settings are of another number of processes.
        """
        if config.processes != self.world:
            raise ConfigError(
                f"processes: torchrun started {self.world}, and the settings say "
                f"{config.processes}; give --set processes={self.world}"
            )
        fabric = Fabric(
            accelerator=config.device,
            devices=self.here,
            num_nodes=self.world // self.here,
            precision=config.precision,
            strategy="ddp",
        )
        if self.restarted:
            self._meet_again("nccl" if config.device == "cuda" else "gloo")
        fabric.launch()
        return fabric

    def _meet_again(self, backend: str) -> None:
        """Connect processes that were started again. torchrun keeps its store, and in it they would
        read where those of the attempt before could be reached, and wait for them for ever (torch
        2.13).
        """
        store, _, _ = next(rendezvous("env://"))
        attempt = distributed.PrefixStore(  # type: ignore[attr-defined]  # it is documented there
            f"attempt {os.environ[_RESTARTS]}", store
        )
        distributed.init_process_group(
            backend, store=attempt, rank=self.number, world_size=self.world
        )


def is_first_rank() -> bool:
    """Whether this process speaks for all: it is the first of torchrun, or not one of torchrun."""
    rank = Rank.of_torchrun()
    return rank is None or rank.number == 0


def leave() -> None:
    """Leave the other processes, at the end of one in which all went well.

    gloo's threads drop the tensors of an exchange a moment after it is over for its caller, and
    need the interpreter for that. A thread that is late for the last exchange finds the interpreter
    ending, and aborts the process (torch 2.13, its issue 190489): a training that is finished would
    be called failed, and the torchrun of another machine would wait for this one for 5 minutes. A
    group that nothing holds any more ends its threads first.
    """
    gc.collect()  # wrapped networks hold the group, in circles
    distributed.destroy_process_group()


def check_shared(fabric: Fabric, folder: RunFolder, dataset: Dataset) -> None:
    """Check that a process sees the run and the data of the first one.

    Args:
        fabric: the processes, all of which must call this.
        folder: of the run, once the first process has it.
        dataset: as this process reads it.

    Raises:
        UsageError: it sees others.
    """
    last = folder.last_path
    seen = {
        "the run": last.stat().st_size if exists(last) else 0,
        "the data": dataset.fingerprint(),
    }
    first = fabric.broadcast(seen, src=0)
    if other := [what for what in seen if seen[what] != first[what]]:
        raise UsageError(
            f"rank {fabric.global_rank} on {socket.gethostname()} does not see {other[0]} of rank "
            "0: --out and the data must lie in folders that all machines share, under the same "
            "paths"
        )
