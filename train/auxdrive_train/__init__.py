"""auxdrive_train: data, models, losses, methods and the engine that train camera-only students.

from auxdrive_train import load_config, train

train(load_config(Path("samd.yaml"), {"data": "data"}, []), Path("runs/samd"))
"""

import logging
from typing import TYPE_CHECKING

from auxdrive.fronts import front
from auxdrive.machine.openmp import wait_passively

if TYPE_CHECKING:
    from auxdrive_train.data.batch import Batch
    from auxdrive_train.engine.config import TrainConfig
    from auxdrive_train.engine.config_files import load_config, parse_config
    from auxdrive_train.engine.load import Run, load_run
    from auxdrive_train.engine.train import train
    from auxdrive_train.evaluation.evaluate import evaluate
    from auxdrive_train.evaluation.models import open_model
    from auxdrive_train.ingest import READERS
    from auxdrive_train.losses import LOSSES
    from auxdrive_train.losses.contract import Loss, LossSetup, make_loss
    from auxdrive_train.methods import METHODS
    from auxdrive_train.methods.contract import (
        STUDENT,
        TEACHER,
        Distillation,
        Method,
        Options,
        Setup,
    )
    from auxdrive_train.methods.phases import Phase, PhaseRecord, Step
    from auxdrive_train.models import BACKBONES
    from auxdrive_train.models.backbone import Backbone
    from auxdrive_train.models.build import Build
    from auxdrive_train.models.fusion import FusedNetwork, LateFusionNetwork
    from auxdrive_train.models.networks import Network, Output, SingleNetwork
    from auxdrive_train.tasks import TASKS, make_task
    from auxdrive_train.tasks.base import Labels, Task
    from auxdrive_train.trackers import TRACKERS
    from auxdrive_train.trackers.contract import TrackedRun, Tracker

__getattr__, __dir__ = front(__name__, {
    "data.batch": "Batch",
    "engine.config": "TrainConfig",
    "engine.config_files": "load_config parse_config",
    "engine.load": "Run load_run",
    "engine.train": "train",
    "evaluation.evaluate": "evaluate",
    "evaluation.models": "open_model",
    "ingest": "READERS",
    "losses": "LOSSES",
    "losses.contract": "Loss LossSetup make_loss",
    "methods": "METHODS",
    "methods.contract": "STUDENT TEACHER Distillation Method Options Setup",
    "methods.phases": "Phase PhaseRecord Step",
    "models": "BACKBONES",
    "models.backbone": "Backbone",
    "models.fusion": "FusedNetwork LateFusionNetwork",
    "models.build": "Build",
    "models.networks": "Network Output SingleNetwork",
    "tasks": "TASKS make_task",
    "tasks.base": "Labels Task",
    "trackers": "TRACKERS",
    "trackers.contract": "TrackedRun Tracker",
})  # fmt: skip

wait_passively()  # here, since whatever part of the package is imported, this runs before its torch
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing

__all__ = [
    "BACKBONES", "LOSSES", "METHODS", "READERS", "STUDENT", "TASKS", "TEACHER", "TRACKERS",
    "Backbone", "Batch", "Build", "Distillation", "FusedNetwork", "Labels", "LateFusionNetwork",
    "Loss", "LossSetup", "Method", "Network", "Options", "Output", "Phase", "PhaseRecord", "Run",
    "Setup", "SingleNetwork", "Step", "Task", "TrackedRun", "Tracker", "TrainConfig", "evaluate",
    "load_config", "load_run", "make_loss", "make_task", "open_model", "parse_config", "train",
]  # fmt: skip
