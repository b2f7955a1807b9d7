"""The demo's findings, from the results of its stages: one table for the first student, the student
and the expert, the rounds, and the comparison.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from auxdrive.agent import Agent
from auxdrive.data.dataset import Dataset
from auxdrive.inspection.metric_tables import rounded, thresholds_that_say_nothing
from auxdrive.runs import Chosen
from auxdrive.statistics import PairedDifference, paired_difference
from auxdrive.types import Float64, Observation

from auxdrive_eval.dagger.folder import Round
from auxdrive_eval.demo.comparison import verdict
from auxdrive_eval.demo.settings import DRIVERS, FIRST, MODELS, STUDENT, TEST_PART
from auxdrive_eval.demo.stages import Demo
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.scoring.records import WHOLE_ROUTE

LATENCY_CALLS = 300
OPEN_LOOP = "test part"
_UNITS = (", of 100", ", %", " (factor)")
"""Units of the first values of a results document."""


@dataclass(frozen=True)
class Row:
    """One line of the table: its name, and a value for each model ("" if it has none); on the test
    part also the values that need no network.
    """

    group: str
    name: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Findings:
    """Everything that the report shows."""

    rows: tuple[Row, ...]
    rounds: tuple[Round, ...]
    chosen: Chosen
    difference: PairedDifference
    seconds: dict[str, float]
    wall_s: float

    @property
    def verdict(self) -> str:
        """What may be claimed about the student and the first one."""
        return verdict(self.difference)

    def as_json(self) -> dict[str, Any]:
        """The findings for `--json`."""
        table = {f"{row.group}: {row.name}": dict(row.values) for row in self.rows}
        return {
            "table": table,
            "rounds": [each.model_dump(mode="json") for each in self.rounds],
            "chosen": self.chosen.model_dump(mode="json"),
            "verdict": self.verdict,
            "seconds": self.seconds,
            "total_s": self.wall_s,
        }


def gather(demo: Demo) -> Findings:
    """Collect the results of all stages. The latency is measured here, once."""
    outputs = {name: done["output"] for name, done in demo.done.items()}
    rows = _open_loop(demo, outputs) + _parity(outputs) + _latency(demo) + _closed_loop(outputs)
    seconds = {name: done["seconds"] for name, done in demo.done.items()}
    difference = paired_difference(
        _scores(outputs[f"drive {STUDENT}"]), _scores(outputs[f"drive {FIRST}"]), demo.settings.seed
    )
    return Findings(tuple(rows), demo.rounds, demo.chosen, difference, seconds, demo.wall_s)


def completed(document: dict[str, Any]) -> int:
    """The number of routes that were driven to their end."""
    return sum(
        record["scores"]["score_route"] >= WHOLE_ROUTE
        for record in document["_checkpoint"]["records"]
    )


def trained(demo: Demo) -> dict[str, str]:
    """By model, the stage that trained it."""
    (chosen,) = (each.number for each in demo.rounds if each.chosen)
    return {FIRST: "train 0", STUDENT: f"train {chosen}"}


def _scores(document: dict[str, Any]) -> Float64:
    return np.array(
        [record["scores"]["score_composed"] for record in document["_checkpoint"]["records"]],
        dtype=np.float64,
    )


def _open_loop(demo: Demo, outputs: dict[str, Any]) -> list[Row]:
    """Each model's metrics on the expert's test part, and for comparison those of a constant and of
    a model of the ego inputs alone, which see no image.
    """
    results = {name: outputs[stage] for name, stage in trained(demo).items()}
    measured = {name: each["metrics"][TEST_PART]["student"] for name, each in results.items()}
    floor = results[FIRST]["floor"][TEST_PART]
    columns = {**measured, **{f"({kind})": measures for kind, measures in floor.items()}}
    empty = thresholds_that_say_nothing(floor)
    return [
        Row(OPEN_LOOP, metric, {name: rounded(each.get(metric)) for name, each in columns.items()})
        for metric in measured[FIRST]
        if metric not in empty
    ]


def _parity(outputs: dict[str, Any]) -> list[Row]:
    cards = {name: outputs[f"export {name}"]["card"]["parity"] for name in MODELS}
    shown = {"ONNX against torch, largest": ("measured", ".2g"), "negative control": (
        "negative_control", ".1f")}  # fmt: skip
    return [
        Row("export", what, {n: f"{each[key]:{form}} {each['unit']}" for n, each in cards.items()})
        for what, (key, form) in shown.items()
    ]


def _latency(demo: Demo) -> list[Row]:
    taken = {name: demo.stage(f"latency {name}", partial(_time, demo, name)) for name in MODELS}
    return [
        Row(
            "latency, ONNX Runtime, one thread",
            f"{which}, ms",
            {name: f"{each[f'{which}_ms']:.2f}" for name, each in taken.items()},
        )
        for which in ("p50", "p99")
    ]


def _time(demo: Demo, name: str) -> dict[str, Any]:
    """Median (p50) and 99th percentile (p99) of the time of one prediction, on recorded frames."""
    agent = AgentSource(demo.bundle_of(name)).load()
    try:
        taken_ms = np.array(_calls(agent, Dataset.open(demo.folder.data_of(0))))
    finally:
        agent.close()
    p50_ms, p99_ms = np.percentile(taken_ms, [50, 99])
    return {"p50_ms": float(p50_ms), "p99_ms": float(p99_ms)}


def _calls(agent: Agent, dataset: Dataset) -> list[float]:
    from auxdrive.ego import EGO_INPUTS
    from auxdrive.ego_layout import EgoLayout
    from auxdrive.modalities import Modality

    known = EgoLayout(EGO_INPUTS)
    episode = dataset.episode(dataset.split(TEST_PART)[0])
    taken_ms = []
    for call in range(LATENCY_CALLS + 20):
        frame = call % len(episode)
        (row,) = known.from_state(episode.state[frame : frame + 1])
        observation = Observation(
            np.ascontiguousarray(episode.frames(Modality.RGB)[frame]),
            float(call),
            **known.fields(row.tolist()),
        )
        start_s = time.perf_counter()
        agent.act(observation, {})
        taken_ms.append((time.perf_counter() - start_s) * 1e3)
    return taken_ms[20:]


def _closed_loop(outputs: dict[str, Any]) -> list[Row]:
    documents = {name: outputs[f"drive {name}"] for name in DRIVERS}
    group = "closed loop (embedded)"
    routes = {
        name: f"{completed(document)} of {len(document['_checkpoint']['records'])}"
        for name, document in documents.items()
    }
    rows = [Row(group, "routes completed", routes)]
    for index, label in enumerate(documents[FIRST]["labels"]):
        scored = index < len(_UNITS)
        rows.append(
            Row(
                group if scored else "infractions per km (embedded)",
                label + _UNITS[index] if scored else label,
                {name: document["values"][index] for name, document in documents.items()},
            )
        )
    return rows
