"""The models of SAMD's Table 7 in the embedded world, made by auxdrive's own commands: one
recording with LiDAR, and of it an RGB baseline, a SAMD student, and a teacher that is trained by
itself, for as long as the student (that of the SAMD run trains half of the time, and begins again
from the student's weights).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from auxdrive.command_process import command
from auxdrive.runs import RunFolder

FRAMES, EPOCHS, AUXILIARIES = 16000, 6, "lidar"
# Small images take less time to draw, to store and to augment, so that there can be more of them.
CAMERA = "128x72"
# in addition to the recipe of waypoints
TRAINING = ("--task", "waypoints", "--set", "evaluate=[test]", "--set", "threads=1")
# The longest red light takes 21 s, so a car that has stood for longer is stuck: a network without
# memory cannot know for how long it has waited.
DRIVING = ("--controller", "pure_pursuit", "--creep-after-s", "25")


@dataclass(frozen=True)
class Model:
    """One of the three models that are compared.

    Attributes:
        name: of its drives.
        method: the method that trains it.
        role: the network of its run that drives.
        bundle: where it is exported; None if it cannot be.
    """

    name: str
    method: str
    role: str
    bundle: str | None

    @property
    def run(self) -> str:
        """The folder of its run."""
        return f"runs/{self.method}"

    def training(self, seed: int) -> list[str]:
        """The arguments of `auxdrive train` for it, besides its data and its run.

        Args:
            seed: of data and weights.
        """
        budget = ["--epochs", str(EPOCHS), "--seed", str(seed)]
        auxiliaries = [] if self.method == "baseline" else ["--aux", AUXILIARIES]
        return ["--method", self.method, *TRAINING, *budget, *auxiliaries]


MODELS = (
    Model("student", "samd", "student", "bundles/samd"),
    Model("baseline", "baseline", "student", "bundles/baseline"),
    Model("teacher", "teacher", "teacher", None),
)
"""The one that trains longest first, so that the others fit beside it."""


def made(folder: Path, seed: int, workers: int) -> None:
    """Record, train and export what is missing of one seed.

    Args:
        folder: of the seed: data, runs and bundles.
        seed: of data and weights.
        workers: how many record, and how many models are trained side by side.
    """
    if not all(RunFolder(folder / model.run).is_finished for model in MODELS):
        command(
            "collect", "--out", str(folder / "data"), "--frames", str(FRAMES), "--size", CAMERA,
            "--modalities", f"rgb,{AUXILIARIES}", "--seed", str(seed), "--workers", str(workers),
            prefix=f"seed {seed}: ",
        )  # fmt: skip
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(partial(_make, folder, seed), MODELS))


def _make(folder: Path, seed: int, model: Model) -> None:
    run, prefix = folder / model.run, f"seed {seed}, {model.name}: "
    if not RunFolder(run).is_finished:
        begun = ["--resume"] if RunFolder(run).is_run else []
        where = ["--data", str(folder / "data"), "--out", str(run)]
        command("train", *where, *model.training(seed), *begun, prefix=prefix)
    if model.bundle is not None and not (folder / model.bundle).exists():
        out = ["--out", str(folder / model.bundle), "--name", f"demo-{model.name}"]
        command("export", str(run), *out, prefix=prefix)
