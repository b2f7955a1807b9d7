"""The folder of a run: the paths of its files, and its records as they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxdrive.errors import DataError
from auxdrive.runs.records import RunRecord, RunResult
from auxdrive.storage.reading import exists, is_file, open_regular, read_bytes, refusals
from auxdrive.strict import MAX_JSON_BYTES, Model, parse_model, whole

CONFIG_NAME = "config.yaml"
NOT_IN_FINGERPRINT = frozenset({"data", "prefetch", "evaluate", "track", "device", "threads"})
"""Entries of the config that may change when a run is resumed, and differ between runs that are
compared: where the data lie, what is measured after training, which trackers are told, and the
machine. With another number of threads or another device the resumed run is as good, but not equal
to the last bit, since sums are rounded differently.
"""
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run's files, and its records.

    Attributes:
        path: the folder; it need not exist.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive.runs import RunFolder
        >>> folder = RunFolder(Path("runs/samd"))
        >>> folder.is_finished, folder.result_path.name
        (False, 'result.json')
    """

    path: Path

    @property
    def config_path(self) -> Path:
        """`config.yaml`."""
        return self.path / CONFIG_NAME

    @property
    def card_path(self) -> Path:
        """`dataset.json`: the data set's card."""
        return self.path / "dataset.json"

    @property
    def record_path(self) -> Path:
        """`run.json`."""
        return self.path / "run.json"

    @property
    def metrics_path(self) -> Path:
        """`metrics.jsonl`."""
        return self.path / "metrics.jsonl"

    @property
    def result_path(self) -> Path:
        """`result.json`."""
        return self.path / "result.json"

    @property
    def events_dir(self) -> Path:
        """`tensorboard/`."""
        return self.path / "tensorboard"

    @property
    def checkpoints_dir(self) -> Path:
        """`checkpoints/`."""
        return self.path / "checkpoints"

    @property
    def last_path(self) -> Path:
        """`checkpoints/last.safetensors`."""
        return self.checkpoints_dir / "last.safetensors"

    @property
    def best_path(self) -> Path:
        """`checkpoints/best.safetensors`."""
        return self.checkpoints_dir / "best.safetensors"

    @property
    def reference_images_path(self) -> Path:
        """`reference/images.npy`: uint8 (N, H, W, 3)."""
        return self.path / "reference" / "images.npy"

    @property
    def reference_ego_path(self) -> Path:
        """`reference/ego.npy`: float32 (N, E), the ego inputs of the same frames."""
        return self.path / "reference" / "ego.npy"

    @property
    def reference_labels_path(self) -> Path:
        """`reference/labels.npy`: float32 (N, *shape), the recorded labels of the same frames."""
        return self.path / "reference" / "labels.npy"

    @property
    def validation_path(self) -> Path:
        """`validation.json`."""
        return self.path / "validation.json"

    @property
    def examples_dir(self) -> Path:
        """`examples/`."""
        return self.path / "examples"

    def example_path(self, name: str) -> Path:
        """The image of the example with that name."""
        return self.examples_dir / f"{name}.jpg"

    @property
    def is_run(self) -> bool:
        """Whether a run was begun in the folder."""
        return is_file(self.config_path)

    @property
    def is_finished(self) -> bool:
        """Whether the run was trained to its end and measured."""
        return is_file(self.result_path)

    def record(self) -> RunRecord:
        """What `run.json` holds.

        Raises:
            DataError: there is none, or it is damaged.
        """
        return _read(self.record_path, RunRecord)

    def result(self) -> RunResult:
        """What `result.json` holds.

        Raises:
            DataError: the run has not finished training, or the file is damaged.
        """
        if not exists(self.result_path):
            raise DataError(
                f"{self.path} has not finished training: it has no result.json. Finish it with "
                "--resume first"
            )
        return _read(self.result_path, RunResult)

    def epochs(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`, one for each finished epoch in the order of training: its
        `phase`, `epoch` and `role`, and the metrics by name. A last line that is still being
        written is left out.

        Raises:
            DataError: there is none, or another line is damaged.
        """
        found = []
        for number, (line, value) in enumerate(self.epoch_lines(), start=1):
            if value is None and line.endswith(b"\n"):
                raise DataError(f"{self.metrics_path} is damaged: line {number} is no JSON object")
            if value is not None:
                found.append(value)
        return found

    def epoch_lines(self) -> Iterator[tuple[bytes, dict[str, Any] | None]]:
        """Each line of `metrics.jsonl` and the JSON object in it (None where there is none). A line
        of more than a mebibyte is given in pieces.

        Raises:
            DataError: there is no such file, or it cannot be read.
        """
        with open_regular(self.metrics_path) as file, refusals(self.metrics_path):
            for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
                try:
                    value = json.loads(line, parse_int=whole)
                except (ValueError, RecursionError):  # text that is no UTF-8 is a ValueError too
                    value = None
                yield line, value if isinstance(value, dict) else None


def _read(path: Path, model: type[Model]) -> Model:
    data = read_bytes(path, MAX_JSON_BYTES)
    try:
        return parse_model(data, model, "it")
    except DataError as error:
        raise DataError(
            f"{path} is damaged: {error}. Finish the run again with --resume"
        ) from error
