"""A training run from its configuration: data, networks, the loop, the final measurement, and what
`auxdrive export` needs later.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import auxdrive
import numpy as np
import torch
from auxdrive import console
from auxdrive.cards import DatasetCard, InputRange
from auxdrive.data.dataset import Dataset
from auxdrive.data.derived import ensure_derived
from auxdrive.data.division import training_parts
from auxdrive.errors import ConfigError, DataError, RuntimeUnavailable
from auxdrive.machine.cpus import usable_cpus
from auxdrive.machine.openmp import PASSIVE, set_too_late
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.storage.folders import held
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import is_file
from auxdrive.strict import dump_json, read_model, read_object
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from auxdrive_train.data.balance import balance
from auxdrive_train.data.ranges import input_ranges
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine import checkpoint as files
from auxdrive_train.engine.announce import announce, announce_distances, announce_findings
from auxdrive_train.engine.config import TrainConfig, finished_config
from auxdrive_train.engine.ended_roles import views_at_their_end
from auxdrive_train.engine.loop import BEST, LAST, Parts, Trainer
from auxdrive_train.engine.prepare import build, build_finished
from auxdrive_train.engine.processes import in_processes
from auxdrive_train.engine.progress import Progress
from auxdrive_train.engine.result import write_result
from auxdrive_train.engine.run_folder import CONFIG_NAME, fingerprint, refuse_foreign, take
from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.methods.stored import StoredStudent
from auxdrive_train.models.inputs import crop_rows
from auxdrive_train.models.networks import Network
from auxdrive_train.tasks import Task, make_task

REFERENCE_FRAMES = 32


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
    _refuse_empty_crop(config, dataset)
    task = make_task(config.task, dataset.card)
    method, networks = build(config, task)
    networks.to(fabric.device)
    # Pictures are stored with their channels last: where weights are too, a CPU's convolutions and
    # batch norms are quicker.
    convert_conv2d_weight_memory_format(networks, torch.channels_last)
    division = training_parts(dataset, config.validation_every)
    recorded = SampleSet.open(dataset, division.train, task, method.modalities)
    samples = balance(recorded, config.balance)
    validation = SampleSet.open(dataset, division.validation, task, method.modalities)
    # Opened before training: a split that cannot be measured must not come to light after hours.
    further = {
        name: SampleSet.open(dataset, dataset.split(name), task, method.modalities)
        for name in config.evaluate
    }
    for part in (samples, validation, *further.values()):
        _refuse_without(config.main, part, dataset)
    if len(samples) < config.batch_size:
        raise DataError(
            f"{dataset.name} has {len(samples)} training samples, fewer than one batch of "
            f"{config.batch_size}; lower batch_size"
        )
    method.check(networks, validation.gather(_fullest(validation, 2)).to(fabric.device))
    parts = Parts(
        config, fabric, method, networks, samples, validation, out, fingerprint(config, dataset)
    )
    if fabric.is_global_zero:
        take(out, config)
        announce(config, method, samples, validation)
        measured_on = announce_distances(config, dataset, division)
        ranges = {
            name: found.model_dump()
            for name, found in input_ranges(samples, config.augment.mirror > 0).items()
        }
        pictures = announce_findings(dataset, samples, validation)
        findings = {"measured_on": measured_on, "pictures": pictures, "input_ranges": ranges}
        _write_artefacts(out, config, dataset, validation, findings)
    with console.progress(
        f"{config.method} · {config.backbone}", None if fabric.is_global_zero else 0
    ) as advance:
        trainer = Trainer(parts, advance)
        trainer.resume()
        progress = trainer.fit()
    result = write_result(parts, progress, recorded, further) if fabric.is_global_zero else {}
    fabric.barrier()
    return result


def threads_of(config: TrainConfig) -> int:
    """Those that are configured; else torch's own number, which knows no quota of a container, cut
    to the CPUs that may be used.
    """
    return config.threads or min(torch.get_num_threads(), usable_cpus())


def _refuse_empty_crop(config: TrainConfig, dataset: Dataset) -> None:
    height, spec = dataset.card.camera.height, config.preprocessing
    first, last = crop_rows(height, spec)
    if last <= first:
        raise ConfigError(
            f"preprocessing: crop_top {spec.crop_top} and crop_bottom {spec.crop_bottom} leave no "
            f"row of a picture with {height} rows"
        )


def _refuse_without(main: Modality, samples: SampleSet, dataset: Dataset) -> None:
    """Auxiliaries may be missing, and are masked; without the main modality there is nothing to
    learn from.
    """
    lacking = samples.missing.get(main, [])
    if lacking:
        named = ", ".join(lacking[:3]) + (", ..." if len(lacking) > 3 else "")
        raise DataError(
            f"{dataset.name}: {len(lacking)} of {len(samples.episode_ids)} episodes lack {main}, "
            f"which the student sees ({named}); "
            "leave them out of the data set's splits, or record it"
        )


def _fullest(samples: SampleSet, count: int) -> NDArray[np.int64]:
    """Numbers of that many samples (or all) that have the most modalities."""
    having = np.sum([samples.has(modality) for modality in samples.modalities], axis=0)
    return np.argsort(-having, kind="stable")[:count].astype(np.int64)


def _derive(dataset: Dataset, config: TrainConfig) -> None:
    wanted = [m for m in (config.main, *config.aux) if MODALITIES[m].derived_from is not None]
    missing = [m for m in wanted if dataset.missing(m)]
    if missing:
        with console.progress(f"deriving {', '.join(missing)}", None) as advance:
            ensure_derived(dataset, missing, progress=advance)


def _write_artefacts(
    out: Path,
    config: TrainConfig,
    dataset: Dataset,
    validation: SampleSet,
    findings: Mapping[str, Any],
) -> None:
    """What export needs, so that a run stands without its data: the card, real frames, and where
    the run came from.
    """
    write_atomic(out / "dataset.json", dataset.card.model_dump_json(indent=2).encode())
    record = {
        "auxdrive_version": auxdrive.__version__,
        "torch": torch.__version__,
        "commit": source_commit(),
        "dataset_sha256": dataset.fingerprint(),
        "seed": config.seed,
        # Also in config.yaml; here for `auxdrive inspect`, which reads no YAML.
        "method": config.method,
        "task": config.task,
        "backbone": config.backbone,
        "main": config.main,
        "aux": config.aux,
        **findings,
    }
    write_atomic(out / "run.json", dump_json(record))
    count = min(REFERENCE_FRAMES, len(validation))
    batch = validation.gather(np.linspace(0, len(validation) - 1, count).round().astype(np.int64))
    (out / "reference").mkdir(exist_ok=True)
    np.save(out / "reference" / "images.npy", batch.frames[config.main].numpy(), allow_pickle=False)
    np.save(out / "reference" / "ego.npy", batch.ego_be.numpy(), allow_pickle=False)


def source_commit() -> str:
    """The commit of the code that trains, with "+changes" where its checkout has some; empty where
    it runs from no checkout of its own.

    An environment may lie inside another project's repository: that commit says nothing, so this
    file must be tracked.
    """
    here = Path(__file__)

    def git(*arguments: str) -> str | None:
        try:
            asked = subprocess.run(
                ["git", *arguments],
                cwd=here.parent,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except OSError:  # there is no git
            return None
        return asked.stdout.strip() if asked.returncode == 0 else None

    head = (
        git("rev-parse", "HEAD")
        if git("ls-files", "--error-unmatch", here.name) is not None
        else None
    )
    return (
        ""
        if head is None
        else head + ("+changes" if git("status", "--porcelain", "-uno", "--", ":/") else "")
    )


@dataclass(frozen=True)
class Run:
    """A trained run, loaded: its networks hold the best weights, in evaluation mode on the CPU.

    `views` holds what was measured under each name in `result.json`: the student's best weights,
    another view as it stood at the end of its own phase (a copy, where it shares what was trained
    on later).
    """

    directory: Path
    config: TrainConfig
    card: DatasetCard
    task: Task
    method: Method
    networks: nn.ModuleDict
    views: Mapping[str, Network]
    progress: Progress
    record: dict[str, Any]

    @property
    def input_ranges(self) -> dict[str, InputRange] | None:
        """What the ego inputs of its training samples held; None for runs of before that was
        recorded.

        Raises:
            DataError: run.json is damaged there.
        """
        if "input_ranges" not in self.record:
            return None
        try:
            found = {
                name: InputRange.model_validate(given)
                for name, given in self.record["input_ranges"].items()
            }
            if found.keys() != {spec.name for spec in self.task.ego_inputs}:
                raise ValueError(f"they are of {', '.join(found) or 'no input'}")
        except (AttributeError, ValueError) as error:
            raise DataError(
                f"{self.directory}: the input_ranges of run.json are damaged: {error}"
            ) from error
        return found


def load_run(directory: Path) -> Run:
    """Load a run's weights, as they were measured.

    Raises:
        DataError: no run there, it has not finished an epoch, or a file is damaged.
    """
    if not is_file(directory / CONFIG_NAME):
        raise DataError(
            f"{directory} is no run: it has no config.yaml. `auxdrive train --out {directory}` "
            "makes one"
        )
    config = finished_config(directory / CONFIG_NAME)
    card = read_model(directory / "dataset.json", DatasetCard)
    record = read_object(directory / "run.json")
    task = make_task(config.task, card)
    method, networks = build_finished(config, task)
    best = directory / "checkpoints" / BEST
    stored = files.load(best)
    if isinstance(method, StoredStudent):
        _restore_student(networks, stored, config.method, best)
        stored.views = {}
    else:
        files.restore(networks, stored.networks, str(best))
    networks.eval().requires_grad_(False)
    views = views_at_their_end(method, networks, stored.views, str(best))
    return Run(directory, config, card, task, method, networks, views, stored.progress, record)


def _restore_student(
    networks: nn.ModuleDict, stored: files.Checkpoint, method: str, best: Path
) -> None:
    """The student's weights of a method that is not known here."""
    weights = {
        name: tensor for name, tensor in stored.networks.items() if name.startswith(f"{STUDENT}.")
    }
    try:
        files.restore(networks, weights, str(best))
    except DataError as error:
        raise DataError(
            f"the method '{method}' is not known here, and it is needed, because its networks hold "
            "no plain student: register it first "
            f"(docs/methods.md). {error}"
        ) from error


__all__ = [
    "BEST",
    "LAST",
    "Run",
    "build",
    "build_finished",
    "fingerprint",
    "load_run",
    "source_commit",
    "train",
]
