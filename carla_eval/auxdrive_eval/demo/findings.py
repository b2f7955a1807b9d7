"""The demo's findings, from the results of its stages: one table for baseline, student and teacher,
and the comparison.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.agent import Agent
from auxdrive.statistics import PairedDifference, paired_difference
from auxdrive.types import Float64, Observation

from auxdrive_eval.demo.comparison import verdict
from auxdrive_eval.demo.settings import DRIVERS, MODELS, Model
from auxdrive_eval.demo.stages import Demo
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.scoring.records import WHOLE_ROUTE

TAUS_DEG = ("1.5", "3", "7.5", "15", "30", "75")
LATENCY_CALLS = 300
TEST_PART = "test part"
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
    difference: PairedDifference
    seconds: dict[str, float]
    wall_s: float

    @property
    def verdict(self) -> str:
        """What may be claimed about student and baseline."""
        return verdict(self.difference)

    def as_json(self) -> dict[str, Any]:
        """The findings for `--json`."""
        table = {f"{row.group}: {row.name}": dict(row.values) for row in self.rows}
        return {
            "table": table,
            "verdict": self.verdict,
            "seconds": self.seconds,
            "total_s": self.wall_s,
        }


def gather(demo: Demo) -> Findings:
    """Collect the results of all stages. The latency is measured here, once."""
    outputs = {name: done["output"] for name, done in demo.done.items()}
    rows = _open_loop(outputs) + _parity(outputs) + _latency(demo) + _closed_loop(outputs)
    seconds = {name: done["seconds"] for name, done in demo.done.items()}
    difference = paired_difference(
        _scores(outputs["drive student"]), _scores(outputs["drive baseline"]), demo.settings.seed
    )
    return Findings(tuple(rows), difference, seconds, demo.wall_s)


def completed(document: dict[str, Any]) -> int:
    """The number of routes that were driven to their end."""
    return sum(
        record["scores"]["score_route"] >= WHOLE_ROUTE
        for record in document["_checkpoint"]["records"]
    )


def _scores(document: dict[str, Any]) -> Float64:
    return np.array(
        [record["scores"]["score_composed"] for record in document["_checkpoint"]["records"]],
        dtype=np.float64,
    )


def _open_loop(outputs: dict[str, Any]) -> list[Row]:
    """Each model's metrics on the test part, and for comparison those of a constant and of a model
    of the ego inputs alone, which see no image.
    """
    results = {model.name: outputs[f"train {model.method}"] for model in MODELS}
    measured = {model.name: results[model.name]["metrics"]["test"][model.role] for model in MODELS}
    floor = {
        f"({kind})": measures for kind, measures in results[MODELS[0].name]["floor"]["test"].items()
    }
    columns = {**measured, **floor}

    def row(name: str, metric: str, percent: bool) -> Row:
        shown = {
            column: f"{100 * measures[metric]:.1f}" if percent else f"{measures[metric]:.3f}"
            for column, measures in columns.items()
        }
        return Row(TEST_PART, name, shown)

    angles = [
        row(f"path's pure-pursuit angle within {tau}° (road wheel), %", f"steer_acc_{tau}", True)
        for tau in TAUS_DEG
    ]
    ends = [row("ADE, m", "ade_m", False), row("FDE, m", "fde_m", False)]
    return [*ends, *angles, row("mAcc of that angle, %", "steer_macc", True)]


def _parity(outputs: dict[str, Any]) -> list[Row]:
    values, negative_controls = {}, {}
    for model in MODELS:
        if model.bundle is None:
            values[model.name], negative_controls[model.name] = "not exported", ""
            continue
        parity = outputs[f"export {model.name}"]["card"]["parity"]
        values[model.name] = f"{parity['measured']:.2g} {parity['unit']}"
        negative_controls[model.name] = f"{parity['negative_control']:.1f} {parity['unit']}"
    return [
        Row("export", "ONNX against torch, largest", values),
        Row("export", "negative control", negative_controls),
    ]


def _latency(demo: Demo) -> list[Row]:
    p50, p99, what = {}, {}, {}
    for model in MODELS:
        output = demo.stage(f"latency {model.name}", lambda model=model: _time(demo.out, model))  # type: ignore[misc]
        p50[model.name], p99[model.name] = f"{output['p50_ms']:.2f}", f"{output['p99_ms']:.2f}"
        what[model.name] = output["runtime"]
    group = "latency, one thread"
    return [Row(group, "p50, ms", p50), Row(group, "p99, ms", p99), Row(group, "runtime", what)]


def _time(out: Path, model: Model) -> dict[str, Any]:
    """Median (p50) and 99th percentile (p99) of the time of one prediction, on recorded frames."""
    agent = AgentSource(out / (model.bundle or model.run), model.role).load()
    try:
        taken_ms = np.array(_calls(agent, out))
    finally:
        agent.close()
    p50_ms, p99_ms = np.percentile(taken_ms, [50, 99])
    return {
        "p50_ms": float(p50_ms),
        "p99_ms": float(p99_ms),
        "runtime": "ONNX Runtime" if model.bundle else "torch",
    }


def _calls(agent: Agent, out: Path) -> list[float]:
    from auxdrive.data.dataset import Dataset
    from auxdrive.ego import EGO_INPUTS
    from auxdrive.ego_layout import EgoLayout
    from auxdrive.modalities import Modality

    dataset, known = Dataset.open(out / "data"), EgoLayout(EGO_INPUTS)
    episode = dataset.episode(dataset.split("test")[0])
    auxiliaries = agent.auxiliaries
    taken_ms = []
    for call in range(LATENCY_CALLS + 20):
        frame = call % len(episode)
        (row,) = known.from_state(episode.state[frame : frame + 1])
        observation = Observation(
            np.ascontiguousarray(episode.frames(Modality.RGB)[frame]),
            float(call),
            **known.fields(row.tolist()),
        )
        others = {
            modality: np.ascontiguousarray(episode.frames(modality)[frame])
            for modality in auxiliaries
        }
        start_s = time.perf_counter()
        agent.act(observation, others)
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
    for index, label in enumerate(documents[MODELS[0].name]["labels"]):
        scored = index < len(_UNITS)
        rows.append(
            Row(
                group if scored else "infractions per km (embedded)",
                label + _UNITS[index] if scored else label,
                {name: document["values"][index] for name, document in documents.items()},
            )
        )
    return rows
