"""YAML of a config, read strictly: plain numbers, texts, lists and mappings, and nothing else that
YAML allows.

A config may come from a stranger. Aliases let ten lines grow to gigabytes, deep nesting exhausts
the stack, and a number with thousands of digits or a lone surrogate (half a character) cannot be
written back.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import yaml

from auxdrive.errors import ConfigError
from auxdrive.storage.reading import read_bytes, shown
from auxdrive.strict import refuse_odd

MAX_YAML_BYTES = 1 << 20
MAX_DEPTH = 16
_LONGEST_NUMBER = 64
_LARGEST_INTEGER = 2**63


class _Loader(yaml.SafeLoader):
    """A loader that refuses duplicate keys (of which YAML silently takes the last), anchors, deep
    nesting, and numbers larger than any setting.
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases (& and *) are not read; write the value out",
                problem_mark=event.start_mark,
            )
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.tag == "tag:yaml.org,2002:merge":
                    raise yaml.MarkedYAMLError(
                        problem="merges (<<) are not read; write the values out",
                        problem_mark=key.start_mark,
                    )
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"'{shown(key.value)}' stands there twice",
                        problem_mark=node.start_mark,
                    )
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _refuse_other_bases(node: yaml.ScalarNode) -> None:
    """Refuse numbers such as 017 and 1:30, which YAML 1.1 reads as 15 and 90."""
    digits = node.value.lstrip("+-").replace("_", "")
    if ":" in digits or (len(digits) > 1 and digits[0] == "0" and digits.isdecimal()):
        raise yaml.MarkedYAMLError(
            problem=(
                f"{shown(node.value, 20)} is octal or sexagesimal in YAML; write the number in "
                "decimal digits, a text in quotes"
            ),
            problem_mark=node.start_mark,
        )


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    _refuse_other_bases(node)
    number = (
        loader.construct_yaml_int(node) if len(node.value) <= _LONGEST_NUMBER else _LARGEST_INTEGER
    )
    if abs(number) >= _LARGEST_INTEGER:
        raise yaml.MarkedYAMLError(
            problem=f"{shown(node.value, 20)} is larger than any setting",
            problem_mark=node.start_mark,
        )
    return int(number)


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    _refuse_other_bases(node)
    number = (
        float(loader.construct_yaml_float(node)) if len(node.value) <= _LONGEST_NUMBER else math.inf
    )
    if not math.isfinite(number):
        raise yaml.MarkedYAMLError(
            problem=f"{shown(node.value, 20)} is no finite number", problem_mark=node.start_mark
        )
    return number


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    """A date is read as text."""
    return str(loader.construct_scalar(node))


def _refused(_: _Loader, node: yaml.Node) -> None:
    raise yaml.MarkedYAMLError(
        problem=f"{node.tag} is not read; a config is of numbers, texts, lists and mappings",
        problem_mark=node.start_mark,
    )


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
for _name in ("binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_name}", _refused)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` can read: a value that occurs twice is written twice, never as an
    alias.
    """

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML document.

    Args:
        text: the document.
        where: the file or option it comes from; messages begin with it.

    Raises:
        ConfigError: the text is not YAML, or holds more than plain values.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_YAML_BYTES:
        raise ConfigError(f"{where}: is larger than {MAX_YAML_BYTES >> 20} MiB, which no config is")
    try:
        loader = _Loader(text)
        loader.name = where
        value = loader.get_single_data()
        refuse_odd(value)
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
        AttributeError,
    ) as error:
        # The other kinds are raised by YAML's constructors for damaged values.
        raise ConfigError(f"{where}: is no YAML of a config: {shown(error, 500)}") from error
    return value


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: the file is missing, not a regular file, too large, not UTF-8, not YAML, or
            does not hold a mapping.
    """
    data = read_bytes(file, MAX_YAML_BYTES, ConfigError)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file}: is not UTF-8 text ({error.reason} at byte {error.start})"
        ) from error
    values = parse_yaml(text, str(file))
    if not isinstance(values, dict):
        raise ConfigError(f"{file} must hold a mapping, e.g. 'method: samd'")
    return values


def dump_yaml(values: Any) -> str:
    """Values as YAML text that `read_yaml` can read."""
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False)
    return text
