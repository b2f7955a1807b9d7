"""Limits for what was measured: a gate in the CI of a user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from auxdrive.bench.record import BenchReport, BenchRow
from auxdrive.errors import ConfigError, UsageError
from auxdrive.extras import EXTRA_OF_MODULE
from auxdrive.mistakes import mistakes_of
from auxdrive.strict import Strict, read_object


class Limits(Strict):
    """The most that each figure may be. What is left out has no limit.

    Attributes:
        p50_ms: the median from a frame to its command.
        p90_ms: 90 of 100 calls.
        p99_ms: 99 of 100.
        p99_9_ms: 999 of 1,000.
        worst_ms: all of them.
        jitter_ms: p99 less p50.
        std_ms: the standard deviation.
        overhead_us: what the path takes over the bare session, the median, in microseconds.
        p50_ratio: the median, in times that of the bare session.
        p99_ratio: p99, likewise.
        cold_start_s: from the import to the first command, the median of fresh processes.
        memory_mib: the most that a fresh process held.
        energy_mj: of a call, in millijoules, of all meters together.
        missed: frames of the loop whose command came too late.
        loop_p99_ms: in the loop, from the time of a frame to its command, 99 of 100.
    """

    p50_ms: float | None = Field(default=None, gt=0)
    p90_ms: float | None = Field(default=None, gt=0)
    p99_ms: float | None = Field(default=None, gt=0)
    p99_9_ms: float | None = Field(default=None, gt=0)
    worst_ms: float | None = Field(default=None, gt=0)
    jitter_ms: float | None = Field(default=None, gt=0)
    std_ms: float | None = Field(default=None, gt=0)
    overhead_us: float | None = Field(default=None, gt=0)
    p50_ratio: float | None = Field(default=None, gt=0)
    p99_ratio: float | None = Field(default=None, gt=0)
    cold_start_s: float | None = Field(default=None, gt=0)
    memory_mib: float | None = Field(default=None, gt=0)
    energy_mj: float | None = Field(default=None, gt=0)
    missed: int | None = Field(default=None, ge=0)
    loop_p99_ms: float | None = Field(default=None, gt=0)

    @property
    def given(self) -> dict[str, float]:
        """The limits that are given, by the figure's name."""
        return {name: limit for name in FIGURES if (limit := getattr(self, name)) is not None}


class BenchGate(Limits):
    """Limits for all runtimes, and further ones for some.

    A runtime that is not there, or whose predictions are not the bundle's, is passed over, unless
    it is named; one that failed misses every limit.

    Attributes:
        runtimes: limits of one runtime, device or set of options, by the beginning of its name:
            "openvino", "openvino:cpu", "openvino:cpu:precision=bf16". The longest name counts.

    Examples:
        >>> from auxdrive import BenchGate, bench_bundle
        >>> brief = {"calls": 20, "rounds": 2, "loop_s": 0, "cold_starts": 0, "energy_s": 0}
        >>> report = bench_bundle("bundle", ["onnxruntime:cpu"], brief)
        >>> gate = BenchGate.parse({"p50_ms": 1e4, "runtimes": {"openvino": {"p50_ms": 2.0}}})
        >>> gate.misses(report)
        ['openvino: the gate names it, and it was not measured']
        >>> BenchGate.parse({"p99_m": 5.0})
        Traceback (most recent call last):
        auxdrive.errors.ConfigError: gate: p99_m: unknown key 'p99_m'. Did you mean 'p99_ms'? ...
    """

    runtimes: dict[str, Limits] = Field(default={})

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str = "gate") -> BenchGate:
        """A gate from its values.

        Args:
            values: by name.
            where: they come from, for messages.

        Raises:
            ConfigError: they make no gate; the message names all mistakes, and the nearest name of
                a key that there is not.
        """
        try:
            gate = cls.model_validate(values, strict=True)
        except ValidationError as error:
            mistakes = "\n  ".join(mistakes_of(error, cls, "the gate"))
            raise ConfigError(f"{where}: {mistakes}") from None
        if not any(each.given for each in (gate, *gate.runtimes.values())):
            raise ConfigError(f"{where}: holds no limit, such as p99_ms: 5")
        return gate

    @classmethod
    def read(cls, file: Path) -> BenchGate:
        """The gate in a file: JSON where its name ends in .json, else YAML.

        Raises:
            ConfigError: the file cannot be read, or is no gate.
            UsageError: it is YAML, and PyYAML is not installed.
        """
        if file.suffix.lower() == ".json":
            return cls.parse(read_object(file, ConfigError), str(file))
        try:
            from auxdrive.strict_yaml import read_yaml
        except ModuleNotFoundError as error:
            if error.name != "yaml":
                raise
            extra = EXTRA_OF_MODULE["yaml"]
            raise UsageError(
                f"{file}: YAML is read by PyYAML, which is not installed. Write the gate as JSON, "
                f"in a file whose name ends in .json; or pip install pyyaml, which is part of "
                f"'auxdrive[{extra}]'"
            ) from error
        return cls.parse(read_yaml(file), str(file))

    def misses(self, report: BenchReport, named: Sequence[str] = ()) -> list[str]:
        """A sentence for each limit that is missed; none where the gate is passed.

        Args:
            report: what was measured.
            named: beginnings of names of runtimes that must not be passed over, beside those that
                the gate names.
        """
        wanted = (*named, *self.runtimes)
        found = [
            f"{name}: the gate names it, and it was not measured"
            for name in self.runtimes
            if not any(row.subject.is_named(name) for row in report.rows)
        ]
        held = 0
        for row in report.rows:
            passed_over = row.state in ("absent", "wrong")
            limits = _limits_of(self, row)
            if not limits or (passed_over and not any(map(row.subject.is_named, wanted))):
                continue
            held += 1
            if row.state != "measured":
                found.append(f"{row.subject.name}: {row.state}: {row.why}")
            else:
                found += _missed(row, limits)
        if not held and not found:
            found.append("no runtime was held to a limit: none could be measured")
        return found


def _of(part: str, name: str) -> Callable[[BenchRow], float | None]:
    def read(row: BenchRow) -> float | None:
        found = getattr(row, part)
        value: float | None = None if found is None else getattr(found, name)
        return value

    return read


def _energy_mj(row: BenchRow) -> float | None:
    if row.energy is None or not row.energy.joules_per_call:
        return None
    return 1e3 * sum(row.energy.joules_per_call.values())


FIGURES: Mapping[str, Callable[[BenchRow], float | None]] = {
    **{
        name: _of("latency", name)
        for name in (
            "p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "worst_ms", "jitter_ms", "std_ms"
        )
    },
    "overhead_us": _of("overhead", "p50_us"),
    "p50_ratio": _of("overhead", "p50_ratio"),
    "p99_ratio": _of("overhead", "p99_ratio"),
    "cold_start_s": _of("cold_start", "seconds"),
    "memory_mib": lambda row: row.memory_mib,
    "energy_mj": _energy_mj,
    "missed": _of("loop", "missed"),
    "loop_p99_ms": _of("loop", "p99_ms"),
}  # fmt: skip
"""What a row says of each figure that may have a limit; None where it was not measured."""


def _limits_of(gate: BenchGate, row: BenchRow) -> dict[str, float]:
    limits = gate.given
    for name in sorted(gate.runtimes, key=len):
        if row.subject.is_named(name):
            limits |= gate.runtimes[name].given
    return limits


def _missed(row: BenchRow, limits: Mapping[str, float]) -> Iterator[str]:
    for key, limit in limits.items():
        value = FIGURES[key](row)
        if value is None:
            yield f"{row.subject.name}: {key} was not measured{_why(key, row)}"
        elif not value <= limit:
            more = f", {100 * (value / limit - 1):.0f} % more" if limit else ""
            yield f"{row.subject.name}: {key} is {value:.4g}, the limit is {limit:g}{more}"


def _why(key: str, row: BenchRow) -> str:
    if key == "energy_mj" and row.energy is not None:
        return f": {'; '.join(row.energy.why_not)}"
    if key == "p99_9_ms":
        return ": it needs 1,000 calls"
    return ""
