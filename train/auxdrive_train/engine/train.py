"""Train a run from its config: prepare, train and measure."""

from __future__ import annotations

import atexit
import logging
import os
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch
from auxdrive.data.dataset import Dataset
from auxdrive.errors import RuntimeUnavailable
from auxdrive.machine.cpus import usable_cpus
from auxdrive.machine.openmp import PASSIVE, set_too_late
from auxdrive.runs import RunFolder, RunResult
from auxdrive.storage.claims import claim
from auxdrive.work import ShowProgress, Work, no_progress
from lightning_fabric import Fabric

from auxdrive_train.data.deriving import derive_missing
from auxdrive_train.data.ranges import input_ranges
from auxdrive_train.engine.announce import announce, announce_distances, announce_findings
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.initial import initial_run
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.measure import write_result
from auxdrive_train.engine.prepare import prepare
from auxdrive_train.engine.processes import in_processes
from auxdrive_train.engine.ranks import Rank, check_shared, leave
from auxdrive_train.engine.run_folder import RUN, take, write_artefacts
from auxdrive_train.trackers.told import load_trackers

_LOG = logging.getLogger(__name__)


def train(
    config: TrainConfig, out: Path, resume: bool = False, progress: ShowProgress = no_progress
) -> RunResult:
    """Train a run into the folder `out` and measure it.

    In a process that torchrun started, this is one of the processes of the training, and returns in
    each of them.

    Only one process at a time can train there: a second `train` into the same folder is refused.
    Nothing is printed; what is worth knowing is logged (`auxdrive.logs`).

    Args:
        config: how it is trained.
        out: the run's folder.
        resume: continue the run that `out` holds, from its last checkpoint.
        progress: shows how far training is, e.g. `auxdrive.console.progress`.

    Returns:
        What `result.json` holds: metrics by split and role, phases, and the floor.

    Raises:
        AuxdriveError: anything that the user can correct. The run can then be continued with
            `resume`.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_train import parse_config, train
        >>> config = parse_config({"data": "data", "epochs": 1, "batch_size": 16, "threads": 1})
        >>> result = train(config, Path("runs/baseline"))
        >>> sorted(result.metrics["val"]["student"])[:2]
        ['acc_1.5', 'acc_15']
    """
    load_trackers(config.track)  # checked before anything is written
    _check(config)
    if (rank := Rank.of_torchrun()) is not None:
        return _train_as(rank, config, out, resume, progress)
    with claim(out, config, RUN, resume):
        dataset = _begin(config, out, progress)
        work = partial(_work, config=config, dataset=dataset, out=out)
        if config.processes == 1:
            work(_fabric(config), progress)
        else:
            in_processes(_fabric(config), work, progress)
        return RunFolder(out).result()


def _train_as(
    rank: Rank, config: TrainConfig, out: Path, resume: bool, progress: ShowProgress
) -> RunResult:
    """Train as one of torchrun's processes. The first one holds the folder and speaks; where it
    fails, torchrun ends the others, which wait for it.

    The processes stay connected, so that a program can train once more, until they end well.
    """
    atexit.unregister(leave)
    fabric, folder = rank.fabric(config), RunFolder(out)
    with ExitStack() as stack:
        if fabric.is_global_zero:
            goes_on = resume or (rank.restarted and folder.is_run)
            claimed = claim(out, config, RUN, goes_on)
            stack.enter_context(claimed)
            _begin(config, out, progress)
        fabric.barrier()
        dataset = Dataset.open(config.data)
        check_shared(fabric, folder, dataset)
        _work(fabric, progress if fabric.is_global_zero else no_progress, config, dataset, out)
        result = fabric.broadcast(folder.result() if fabric.is_global_zero else None, src=0)
        assert result is not None
    atexit.register(leave)
    return result


def _check(config: TrainConfig) -> None:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise RuntimeUnavailable(
            "device 'cuda' was asked for, but torch sees no CUDA device; use --set device=cpu"
        )
    if set_too_late():
        _LOG.warning(
            "torch was imported before auxdrive_train, so its idle threads spin, and training is "
            "slow on a machine that others use too: "
            "import auxdrive_train first, or set "
            f"{' '.join(f'{name}={value}' for name, value in PASSIVE.items())}"
        )


def _begin(config: TrainConfig, out: Path, progress: ShowProgress) -> Dataset:
    initial_run(config, RunFolder(out))  # before the data, which take longer to open and derive
    dataset = Dataset.open(config.data)
    derive_missing(dataset, (config.main, *config.aux), progress)
    return dataset


def _fabric(config: TrainConfig) -> Fabric:
    several = config.processes > 1
    return Fabric(
        accelerator=config.device,
        devices=config.processes,
        precision=config.precision,
        strategy="ddp_spawn" if several else "auto",
    )


def _work(
    fabric: Fabric, progress: ShowProgress, config: TrainConfig, dataset: Dataset, out: Path
) -> None:
    """Everything that one training process does."""
    torch.set_num_threads(threads_of(config))
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # It would write every new tensor twice, which on a GPU costs a fifth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    parts = prepare(config, fabric, dataset, out)
    if fabric.is_global_zero:
        take(out, config)
        announce(config, parts.method, parts.train, parts.validation)
        if parts.quantization is not None:
            _LOG.info(parts.quantization.told)
        findings = {
            "measured_on": announce_distances(config, dataset, parts.division),
            "input_ranges": input_ranges(parts.train, config.augment.mirror > 0),
            "camera_faults": announce_findings(dataset, parts.train, parts.validation),
            "init_from": parts.initial,
        }
        write_artefacts(out, config, dataset, parts.validation, findings)
    trainer = Trainer(parts)
    trainer.resume()
    name = f"training {config.method} ({config.backbone})"
    with progress(Work(name, "epoch", trainer.epochs_expected())) as shown:
        reached = trainer.fit(shown)
    if fabric.is_global_zero:
        write_result(parts, reached)
    fabric.barrier()


def threads_of(config: TrainConfig) -> int:
    """CPU threads per process: the configured number, or else torch's default, at most the CPUs
    that the process may use. (torch does not know a container's CPU quota.)
    """
    return config.threads or min(torch.get_num_threads(), usable_cpus())
