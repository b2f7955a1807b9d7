"""What is measured: a bundle's graphs in runtimes on their devices, each with some options."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args

from pydantic import Field

from auxdrive.machine.capabilities import runtime_devices
from auxdrive.precisions import FP32, check_precision
from auxdrive.runtimes import RUNTIMES, RuntimeSpec, checked_options, device_of
from auxdrive.strict import Strict

PRECISION = "precision"
"""An option of a runtime with this name and a choice of values is measured with each of them."""


class BenchSubject(Strict):
    """A graph in a runtime on a device, with some options.

    Attributes:
        runtime: its name.
        device: of the runtime.
        graph: the precision of the bundle's graph, a name in `auxdrive.precisions.PRECISIONS`.
        options: of the runtime, by name; its defaults stand for the others.

    Examples:
        >>> from auxdrive import BenchSubject
        >>> BenchSubject(runtime="openvino", device="cpu", options={"precision": "bf16"}).name
        'openvino:cpu:precision=bf16'
        >>> BenchSubject(runtime="openvino", device="cpu", graph="int8").name
        'openvino:cpu:int8'
    """

    runtime: str
    device: str
    graph: str = FP32
    options: dict[str, Any] = Field(default={})

    @property
    def name(self) -> str:
        """As it is typed: "runtime:device", and behind another colon the graph's precision, where
        that is not fp32, and the options.
        """
        graph = [] if self.graph == FP32 else [self.graph]
        options = [f"{name}={_typed(value)}" for name, value in self.options.items()]
        return ":".join(filter(None, (self.runtime, self.device, ",".join(graph + options))))

    def is_named(self, name: str) -> bool:
        """Whether a name means it: its own, or the beginning of it up to a colon."""
        return self.name == name or self.name.startswith(f"{name}:")


def _typed(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def subject_of(
    runtime: str, device: str | None, options: Mapping[str, Any], graph: str = FP32
) -> BenchSubject:
    """A subject that a user names.

    Args:
        runtime: a name in `auxdrive.RUNTIMES`.
        device: of the runtime; None for its first.
        options: of the runtime, by name.
        graph: the precision of the bundle's graph.

    Raises:
        UsageError: there is no such runtime, device or precision; the message names the nearest.
        ConfigError: wrong options; the message names all of them.
    """
    spec = RUNTIMES[runtime]
    checked_options(spec, options)
    check_precision(graph)
    device = device_of(spec, device)
    return BenchSubject(runtime=runtime, device=device, graph=graph, options=dict(options))


def all_subjects(
    runtimes: Collection[str] | None = None, graphs: Sequence[str] = (FP32,)
) -> list[tuple[BenchSubject, str]]:
    """Every runtime on every device with every graph, with its default options and, where it has a
    choice of precisions, for the graph in fp32 once for each of them; and why it cannot be used
    here (empty where it can).

    Args:
        runtimes: names of those that are meant; None for all.
        graphs: the precisions of the bundle's graphs.
    """
    found = []
    for runtime, device, why_not in runtime_devices(runtimes):
        for graph in (FP32,) if why_not else graphs:
            several = _option_sets(RUNTIMES[runtime]) if graph == FP32 and not why_not else [{}]
            found += [
                (
                    BenchSubject(runtime=runtime, device=device, graph=graph, options=options),
                    why_not,
                )
                for options in several
            ]
    return found


def chosen_subjects(
    named: Sequence[BenchSubject | str], graphs: Sequence[str] = (FP32,)
) -> list[tuple[BenchSubject, str]]:
    """The subjects that a user names, and why each cannot be used here (empty where it can).

    Args:
        named: subjects, and the beginnings of names of `all_subjects`: "openvino", "openvino:cpu".
        graphs: the precisions of the bundle's graphs.

    Raises:
        UsageError: there is no such runtime or device; the message names the nearest.
    """
    runtimes = set()
    for each in named:
        text = each.name if isinstance(each, BenchSubject) else each
        runtime, _, device = text.partition(":")
        device_of(RUNTIMES[runtime], device.partition(":")[0] or None)
        runtimes.add(runtime)
    every = all_subjects(runtimes, graphs)
    reasons = {(each.runtime, each.device): why for each, why in every}
    found: dict[str, tuple[BenchSubject, str]] = {}
    for each in named:
        if isinstance(each, BenchSubject):
            found[each.name] = each, reasons.get((each.runtime, each.device), "")
        else:
            found.update({one.name: (one, why) for one, why in every if one.is_named(each)})
    return list(found.values())


def _option_sets(spec: RuntimeSpec) -> list[dict[str, Any]]:
    field = spec.options_type.model_fields.get(PRECISION)
    values = get_args(field.annotation) if field is not None else ()
    texts = [value for value in values if isinstance(value, str)]
    return [{PRECISION: value} for value in texts] if texts else [{}]
