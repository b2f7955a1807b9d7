"""What the nodes of a graph compute, as far as sizes go: followed for one frame, before anything is
run.

Every size and every index must follow from the size of the image alone (an index that followed
from what the image shows could fail, or never end, on one image in a million). So a graph that
runs once runs always, with the same operations, and its memory and work are bounded before a
runtime sees it. Nothing here calculates with images: only small vectors of whole numbers, which
are shapes and indices, are known by value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

from auxdrive.checks.operators import Node, mistake_in
from auxdrive.checks.rules import RULES
from auxdrive.checks.values import SizeError, Value

MAX_ELEMENTS = 1 << 28
"""In one tensor. An image of 8192 x 8192 has 200 million."""
MAX_TOTAL_ELEMENTS = 1 << 30
MAX_WORK = 200_000_000_000
"""Multiplications for one frame: about 10 s on one core, a ResNet-34 on a whole full-HD image.
What is slower drives nothing.
"""
MAX_NODE_WORK = 20_000_000_000
"""The same for one node: a run can be ended between two nodes only. The largest of that ResNet-34
needs 5e9.
"""


class Trace:
    """Follows nodes in their order. `fail` refuses the file."""

    def __init__(self, fail: Callable[[str], NoReturn]) -> None:
        self.fail = fail
        self.values: dict[str, Value] = {}
        self.work = 0
        self._inputs: list[str] = []
        self._elements = 0

    def add_input(self, name: str, dtype: str, shape: tuple[int, ...]) -> None:
        """An input of the graph."""
        self._add(name, Value(dtype, shape, None, 1 << len(self._inputs)))
        self._inputs.append(name)

    def add_stored(self, name: str, value: Value) -> None:
        """A tensor of the file."""
        self._add(name, value)

    def inputs_of(self, name: str) -> frozenset[str]:
        """The inputs that a value may depend on."""
        reached = self.values[name].reached
        return frozenset(given for bit, given in enumerate(self._inputs) if reached >> bit & 1)

    def run(self, node: Node) -> None:
        """Follow one node; all that it needs must be there already."""
        if (mistake := mistake_in(node)) is not None:
            self.fail(mistake)
        inputs: list[Value | None] = []
        for name in node.inputs:
            if name and name not in self.values:
                self.fail(f"the value '{name}' is used and comes from nowhere, or later")
            inputs.append(self.values[name] if name else None)
        try:
            outputs, work = RULES[node.operator](node, inputs)
        except SizeError as error:
            self.fail(f"{node.operator} for '{node.outputs[0]}': {error}")
        reached = 0
        for value in inputs:
            reached |= 0 if value is None else value.reached
        if work > MAX_NODE_WORK:
            self.fail(
                f"{node.operator} for '{node.outputs[0]}' needs more than {MAX_NODE_WORK:.0e} "
                "multiplications by itself"
            )
        self.work += work + sum(math.prod(value.shape) for value in outputs)
        if self.work > MAX_WORK:
            self.fail(
                f"needs more than {MAX_WORK:.0e} multiplications for one frame, which no vehicle "
                "has time for"
            )
        if len(outputs) != len(node.outputs):
            self.fail(
                f"{node.operator} has {len(node.outputs)} outputs where {len(outputs)} are computed"
            )
        for name, value in zip(node.outputs, outputs, strict=True):
            # What is known follows from sizes, and so from no number in any image.
            self._add(
                name,
                Value(
                    value.dtype, value.shape, value.known, 0 if value.known is not None else reached
                ),
            )

    def _add(self, name: str, value: Value) -> None:
        if not name:
            self.fail("a value has no name")
        if name in self.values:
            self.fail(f"the value '{name}' has two sources")
        count = math.prod(value.shape)
        self._elements += count
        if len(value.shape) > 8 or count > MAX_ELEMENTS or self._elements > MAX_TOTAL_ELEMENTS:
            self.fail(
                f"the value '{name}' is {value.shape[:9]}: larger than anything that auxdrive "
                "exports"
            )
        if count < 1:
            self.fail(f"the value '{name}' is empty: {value.shape}")
        self.values[name] = value
