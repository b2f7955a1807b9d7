"""A training run from its configuration: prepared, trained and measured in its folder."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import torch
from auxdrive import console
from auxdrive.data.dataset import Dataset
from auxdrive.data.derived import ensure_derived
from auxdrive.errors import RuntimeUnavailable
from auxdrive.machine.cpus import usable_cpus
from auxdrive.machine.openmp import PASSIVE, set_too_late
from auxdrive.modalities import MODALITIES
from auxdrive.storage.folders import held
from auxdrive.strict import read_object
from lightning_fabric import Fabric

from auxdrive_train.data.ranges import input_ranges
from auxdrive_train.engine.announce import announce, announce_distances, announce_findings
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.measure import write_result
from auxdrive_train.engine.prepare import prepare
from auxdrive_train.engine.processes import in_processes
from auxdrive_train.engine.run_folder import refuse_foreign, take, write_artefacts


def train(config: TrainConfig, out: Path, resume: bool = False) -> dict[str, Any]:
    """Train a run into `out` and measure it; returns what `result.json` holds.

    One process at a time: `out` is held while it trains, and a second `train` there is refused.

    Raises:
        AuxdriveError: anything that the user can mend; the run can be taken up with `resume`.
    """
    with held(out):
        return _train(config, out, resume)


def _train(config: TrainConfig, out: Path, resume: bool) -> dict[str, Any]:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise RuntimeUnavailable(
            "device 'cuda' was asked for, but torch sees no CUDA device; use --set device=cpu"
        )
    refuse_foreign(out, config, resume)
    if set_too_late():
        console.note(
            "torch was imported before auxdrive_train, so its idle threads spin, and training is "
            "slow on a machine that others use too: "
            "import auxdrive_train first, or set "
            f"{' '.join(f'{name}={value}' for name, value in PASSIVE.items())}"
        )
    dataset = Dataset.open(config.data)
    _derive(dataset, config)
    if config.processes == 1:
        return _work(_fabric(config), config, out)
    in_processes(_fabric(config), partial(_work_in_process, config=config, out=out))
    return read_object(out / "result.json")


def _fabric(config: TrainConfig) -> Fabric:
    several = config.processes > 1
    return Fabric(
        accelerator=config.device,
        devices=config.processes,
        precision=config.precision,
        strategy="ddp_spawn" if several else "auto",
    )


def _work_in_process(fabric: Fabric, config: TrainConfig, out: Path) -> None:
    _work(fabric, config, out)


def _work(fabric: Fabric, config: TrainConfig, out: Path) -> dict[str, Any]:
    torch.set_num_threads(threads_of(config))
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    dataset = Dataset.open(config.data)
    parts = prepare(config, fabric, dataset, out)
    if fabric.is_global_zero:
        take(out, config)
        announce(config, parts.method, parts.train, parts.validation)
        measured_on = announce_distances(config, dataset, parts.division)
        ranges = {
            name: found.model_dump()
            for name, found in input_ranges(parts.train, config.augment.mirror > 0).items()
        }
        pictures = announce_findings(dataset, parts.train, parts.validation)
        findings = {"measured_on": measured_on, "pictures": pictures, "input_ranges": ranges}
        write_artefacts(out, config, dataset, parts.validation, findings)
    with console.progress(
        f"{config.method} · {config.backbone}", None if fabric.is_global_zero else 0
    ) as advance:
        trainer = Trainer(parts, advance)
        trainer.resume()
        progress = trainer.fit()
    result = write_result(parts, progress) if fabric.is_global_zero else {}
    fabric.barrier()
    return result


def threads_of(config: TrainConfig) -> int:
    """Those that are configured; else torch's own number, which knows no quota of a container, cut
    to the CPUs that may be used.
    """
    return config.threads or min(torch.get_num_threads(), usable_cpus())


def _derive(dataset: Dataset, config: TrainConfig) -> None:
    wanted = [m for m in (config.main, *config.aux) if MODALITIES[m].derived_from is not None]
    missing = [m for m in wanted if dataset.missing(m)]
    if missing:
        with console.progress(f"deriving {', '.join(missing)}", None) as advance:
            ensure_derived(dataset, missing, progress=advance)
