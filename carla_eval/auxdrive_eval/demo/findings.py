"""What the demo found, gathered from the stages' answers: one table for baseline, student and teacher, and the comparison."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.agent import Agent
from auxdrive.types import Float64, Observation

from auxdrive_eval.agents import AgentSource
from auxdrive_eval.demo.stages import MODELS, Demo, Model

TAUS_DEG = ("1.5", "3", "7.5", "15", "30", "75")
LATENCY_CALLS = 300
RESAMPLES = 10_000
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Row:
    """One line of the table: what it is, and its value for each model in the order of `MODELS` ("" where it has none)."""

    group: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Student less baseline in driving score, route by route: mean, 95 % bootstrap interval over the routes, and the two-sided p-value
    of the sign-flip test (exact up to 12 routes). With few routes a percentile interval is too narrow, so the test decides."""

    mean: float
    low: float
    high: float
    p_value: float
    routes: int

    @property
    def verdict(self) -> str:
        """What may be said, and what not."""
        interval = f"95 % over {self.routes} routes: {self.low:+.1f} to {self.high:+.1f}, sign-flip p = {self.p_value:.2f}"
        gap = f"{self.mean:+.1f} points of driving score ({interval})"
        if self.p_value < SIGNIFICANT and self.mean > 0:
            return f"The SAMD student drives better than the RGB baseline here: {gap}."
        if self.p_value < SIGNIFICANT and self.mean < 0:
            return f"The SAMD student drives worse than the RGB baseline here: {gap}."
        return f"No difference between the SAMD student and the RGB baseline is shown here: {gap}."


@dataclass(frozen=True)
class Findings:
    """Everything that the report prints."""

    rows: tuple[Row, ...]
    comparison: Comparison
    seconds: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        table = {f"{row.group}: {row.name}": dict(zip([m.name for m in MODELS], row.values, strict=True)) for row in self.rows}
        return {"table": table, "verdict": self.comparison.verdict, "seconds": self.seconds, "total_s": sum(self.seconds.values())}


def gather(demo: Demo) -> Findings:
    """Read the answers of all stages; latency is measured here, once."""
    answers = {name: done["answer"] for name, done in demo.done.items()}
    rows = _open_loop(answers) + _parity(answers) + _latency(demo) + _closed_loop(answers)
    seconds = {name: done["seconds"] for name, done in demo.done.items()}
    return Findings(
        tuple(rows), compare(_scores(answers["drive student"]), _scores(answers["drive baseline"]), demo.settings.seed), seconds
    )


def compare(student: Float64, baseline: Float64, seed: int) -> Comparison:
    """Paired bootstrap over routes of the difference of two sets of scores, both (routes,)."""
    gaps = student - baseline
    drawn = np.random.default_rng(seed).integers(0, len(gaps), (RESAMPLES, len(gaps)))
    low, high = np.percentile(gaps[drawn].mean(axis=1), [2.5, 97.5])
    return Comparison(float(gaps.mean()), float(low), float(high), _sign_flip_p(gaps, seed), len(gaps))


def _sign_flip_p(gaps: Float64, seed: int) -> float:
    """Share of sign patterns whose mean gap is at least as far from zero; never below 2 / 2^n, so few routes cannot decide."""
    n = len(gaps)
    if n <= 12:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(RESAMPLES, n))
    return float(np.mean(np.abs(signs @ gaps) >= abs(gaps.sum()) - 1e-9))


def _scores(document: dict[str, Any]) -> Float64:
    return np.array([record["scores"]["score_composed"] for record in document["_checkpoint"]["records"]], dtype=np.float64)


def _open_loop(answers: dict[str, Any]) -> list[Row]:
    measured = [answers[f"train {model.run.removeprefix('runs/')}"]["metrics"]["test"][model.view] for model in MODELS]
    group = "test part"
    rows = [
        Row(group, "ADE, m", tuple(f"{figures['ade_m']:.3f}" for figures in measured)),
        Row(group, "FDE, m", tuple(f"{figures['fde_m']:.3f}" for figures in measured)),
    ]
    for tau in TAUS_DEG:
        values = tuple(f"{100 * figures[f'steer_acc_{tau}']:.1f}" for figures in measured)
        rows.append(Row(group, f"path's pure-pursuit angle within {tau}° (road wheel), %", values))
    rows.append(Row(group, "mAcc of that angle, %", tuple(f"{100 * figures['steer_macc']:.1f}" for figures in measured)))
    return rows


def _parity(answers: dict[str, Any]) -> list[Row]:
    values, controls = [], []
    for model in MODELS:
        if model.bundle is None:
            values.append("not exported")
            controls.append("")
            continue
        parity = answers[f"export {model.name}"]["card"]["parity"]
        values.append(f"{parity['measured']:.2g} {parity['unit']}")
        controls.append(f"{parity['control']:.3g} {parity['unit']}")
    return [Row("export", "ONNX against torch, largest", tuple(values)), Row("export", "negative control", tuple(controls))]


def _latency(demo: Demo) -> list[Row]:
    p50, p99, what = [], [], []
    for model in MODELS:
        answer = demo.stage(f"latency {model.name}", lambda model=model: _time(demo.out, model))  # type: ignore[misc]
        p50.append(f"{answer['p50_ms']:.2f}")
        p99.append(f"{answer['p99_ms']:.2f}")
        what.append(answer["runtime"])
    group = "latency, one thread"
    return [Row(group, "p50, ms", tuple(p50)), Row(group, "p99, ms", tuple(p99)), Row(group, "runtime", tuple(what))]


def _time(out: Path, model: Model) -> dict[str, Any]:
    """p50 and p99 of one prediction, on recorded frames."""
    agent = AgentSource(out / (model.bundle or model.run), model.role).load()
    try:
        taken_ms = np.array(_calls(agent, out))
    finally:
        agent.close()
    p50_ms, p99_ms = np.percentile(taken_ms, [50, 99])
    return {"p50_ms": float(p50_ms), "p99_ms": float(p99_ms), "runtime": "ONNX Runtime" if model.bundle else "torch"}


def _calls(agent: Agent, out: Path) -> list[float]:
    from auxdrive.dataset import Dataset
    from auxdrive.modalities import Modality

    dataset = Dataset.open(out / "data")
    episode = dataset.episode(dataset.split("test")[0])
    auxiliaries = agent.auxiliaries
    taken_ms = []
    for call in range(LATENCY_CALLS + 20):
        frame = call % len(episode)
        state = episode.state[frame]
        observation = Observation(
            np.ascontiguousarray(episode.frames(Modality.RGB)[frame]),
            float(call),
            float(state["speed_mps"]),
            (float(state["target_x_m"]), float(state["target_y_m"])),
        )
        others = {modality: np.ascontiguousarray(episode.frames(modality)[frame]) for modality in auxiliaries}
        start_s = time.perf_counter()
        agent.act(observation, others)
        taken_ms.append((time.perf_counter() - start_s) * 1e3)
    return taken_ms[20:]


def _closed_loop(answers: dict[str, Any]) -> list[Row]:
    documents = [answers[f"drive {model.name}"] for model in MODELS]
    labels = documents[0]["labels"]
    rows = []
    for index, label in enumerate(labels):
        per_km = "" if index < 3 else " (per km, summed over routes)"
        rows.append(Row("closed loop (embedded)", label + per_km, tuple(document["values"][index] for document in documents)))
    return rows
