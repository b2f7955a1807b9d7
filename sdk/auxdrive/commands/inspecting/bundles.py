"""What `auxdrive inspect` prints for bundles."""

from __future__ import annotations

from typing import Any

import auxdrive.console as console
from auxdrive.inspection.base import Inspection, Summary
from auxdrive.inspection.bundles_and_runs import is_bundle, summarise_bundle


def _show_bundle(summary: Summary) -> None:
    card = summary["card"]
    facts = [*_facts(card), *_doubt_facts(card)]
    facts += [
        (f"metrics: {name}", _interval(each) + _beside(card["floor"], name))
        for name, each in card["metrics"].items()
    ]
    facts += [(f"latency: {name}", _interval(each)) for name, each in card["latency"].items()]
    console.table(f"bundle {card['name']}", ("fact", "value"), facts)
    console.table(
        "provenance, from the data to the signature",
        ("link", "what", "SHA-256"),
        [
            (each["link"], each["what"], (each["sha256"] or "")[:12])
            for each in summary["provenance"]
        ],
        text=("what",),
    )
    console.table("files", ("file", "state"), list(summary["files"].items()))
    for each in summary["measured"]:
        _show_measured(each)


def _facts(card: dict[str, Any]) -> list[tuple[str, str]]:
    """What the model is, what it takes and gives, and what made it."""
    training, camera, parity = card["training"], card["camera"], card["parity"]
    facts = [
        ("task", card["task"]),
        ("method", f"{training['method']}, {training['backbone']}, {training['role']}"),
        ("helped by", ", ".join(training["auxiliaries"]) or "nothing"),
        ("camera", f"{camera['width']}x{camera['height']} at {card['rate_hz']:g} Hz"),
        ("inputs", _tensors(card["inputs"])),
        ("outputs", _tensors(card["outputs"])),
        ("steering", f"maximum steering angle {card['steering']['max_road_wheel_deg']:g} degrees"),
        ("data", f"{training['dataset']} {training['dataset_sha256'][:12]}"),
        (
            "trained",
            f"{training['epochs']} epochs, seed {training['seed']}, auxdrive "
            f"{training['auxdrive_version']}",
        ),
        (
            "parity",
            f"{parity['measured']:.3g} {parity['unit']} of {parity['limit']:g} over "
            f"{parity['frames']} frames",
        ),
    ]
    if history := card.get("history"):
        text = f"{history['frames']} images at once, {history['gap_s']:g} s from one to the next"
        facts.append(("history", text))
    return facts + [
        (f"precision {name}", _precision(each)) for name, each in card["precisions"].items()
    ]


def _tensors(specs: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{each['name']} {tuple(each['shape'])} {each['dtype']}, {each['unit']}" for each in specs
    )


def _doubt_facts(card: dict[str, Any]) -> list[tuple[str, str]]:
    """When a frame counts as out of distribution, in each graph that has a score."""
    scores = {"": card["ood"], **{f", {n}": each["ood"] for n, each in card["precisions"].items()}}
    return [
        (
            f"out of distribution{of}",
            f"flagged above {ood['threshold']:.4g}, which {ood['false_alarms']:.0%} of "
            f"{ood['held_out']} held-out frames exceed",
        )
        for of, ood in scores.items()
        if ood is not None
    ]


def _show_measured(measured: dict[str, Any]) -> None:
    from auxdrive.bench.record import BenchReport
    from auxdrive.bench.tables import tables_of

    report = BenchReport.model_validate(measured, strict=False)
    machine = f"measured on {report.machine.get('processor')}, {report.time}"
    console.line(f"{machine} (no hash of the card covers this):")
    for sentence in report.noise:
        console.line(f"not a quiet machine: {sentence}")
    for table in tables_of(report):
        console.table(table.title, table.columns, table.rows, text=table.text)


def _precision(spec: dict[str, Any]) -> str:
    """What a precision kept to at the export, as text."""
    gates = [
        f"{each['name']} {each['value']:.3g} of {each['limit']:g} {each['unit']}".rstrip()
        for each in spec["gates"]
    ]
    return f"{spec['method']}; {'; '.join(gates)}"


def _beside(floor: dict[str, dict[str, float]], metric: str) -> str:
    """The same metric of predictions that need no network, as text beside a model's metric."""
    known = [
        f"{kind} {metrics[metric]:.4g}" for kind, metrics in floor.items() if metric in metrics
    ]
    return f" ({', '.join(known)})" if known else ""


def _interval(value: dict[str, Any]) -> str:
    bounds = (
        ""
        if value["low"] is None or value["high"] is None
        else f" ({value['low']:.4g} .. {value['high']:.4g})"
    )
    return f"{value['value']:.4g}{bounds} {value['unit']}".rstrip()


BUNDLE = Inspection(
    what="bundle",
    known_by="card.json",
    holds=is_bundle,
    summarise=summarise_bundle,
    show=_show_bundle,
    no_page="its page is README.md",
)
