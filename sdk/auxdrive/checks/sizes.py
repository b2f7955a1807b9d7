"""Follows the sizes of all values through a graph, for one frame, before anything is run.

Every size and every index must follow from the size of the image alone. (An index that depends on
what the image shows could fail on one image in a million.) So a graph that runs once always runs,
with the same operations, and its memory and work are known to be bounded before a runtime gets it.
Nothing here computes with images: only of small vectors of whole numbers, which are shapes and
indices, are the values known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

from auxdrive.checks.operators import Node, mistake_in
from auxdrive.checks.rules import RULES
from auxdrive.checks.values import SizeError, Value

MAX_ELEMENTS = 1 << 28
"""The most numbers in one tensor. An image of 8192 x 8192 pixels has 200 million."""
MAX_TOTAL_ELEMENTS = 1 << 30
MAX_WORK = 200_000_000_000
"""The most multiplications for one frame, about 10 s on one core: as many as a ResNet-34 on a
full-HD image takes. A slower graph could drive nothing.
"""
MAX_NODE_WORK = 20_000_000_000
"""The most multiplications for one node, since a run can be ended only between two nodes. The
largest node of that ResNet-34 needs 5e9.
"""


class Trace:
    """Follows a graph's nodes in their order.

    Args:
        fail: called with the reason where the file must be refused; it raises.
    """

    def __init__(self, fail: Callable[[str], NoReturn]) -> None:
        self.fail = fail
        self.values: dict[str, Value] = {}
        self.work = 0
        self._inputs: list[str] = []
        self._elements = 0

    def add_input(self, name: str, dtype: str, shape: tuple[int, ...]) -> None:
        """Add an input of the graph.

        Args:
            name: of the input.
            dtype: of its numbers.
            shape: for one frame.
        """
        self._add(name, Value(dtype, shape, None, 1 << len(self._inputs)))
        self._inputs.append(name)

    def add_stored(self, name: str, value: Value) -> None:
        """Add a tensor that is stored in the file.

        Args:
            name: under which nodes take it.
            value: its type and shape, and its numbers where they are shapes or indices.
        """
        self._add(name, value)

    def inputs_of(self, name: str) -> frozenset[str]:
        """The graph's inputs that a value may depend on."""
        reached = self.values[name].reached
        return frozenset(given for bit, given in enumerate(self._inputs) if reached >> bit & 1)

    def run(self, node: Node) -> None:
        """Follow a node. Its inputs must have been computed before."""
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
            # A value that is known follows from sizes, so it depends on no number of any input.
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
