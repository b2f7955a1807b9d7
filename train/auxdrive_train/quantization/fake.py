"""The student's forward pass as its int8 graph computes it, in float32 and with gradients.

At the places where `auxdrive_deploy.precisions.int8` writes pairs of QuantizeLinear and
DequantizeLinear, values are rounded to whole numbers and back (fake quantisation; Jacob et al.
2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference"). Gradients pass as if nothing was rounded. Batch norm is part of the layer before it,
with its running statistics, as in the graph (`norms`).

The ranges of maps are those of the exporter's rule (`ranges`) on the exporter's frames
(`calibration`). They are measured anew at the start of a phase and after every epoch, and held
within an epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from auxdrive.errors import ConfigError
from auxdrive.types import AnyArray
from torch import Tensor, nn

from auxdrive_train.models.networks import FEATURES, SingleNetwork
from auxdrive_train.models.training_only import TrainingOnly
from auxdrive_train.quantization.norms import JoinedNorm, held_norms
from auxdrive_train.quantization.placing import Placing
from auxdrive_train.quantization.ranges import measured_ranges
from auxdrive_train.quantization.tape import JOINED, Call, Calls, Node, Place, Tape, tensors_of
from auxdrive_train.quantization.weights import (
    LARGEST,
    LEAST,
    LEAST_SCALE,
    rounded,
    weight_scales,
)

Batches = Callable[[], Iterable[tuple[Tensor, Tensor]]]
"""Gives frames (B, H, W, 3) and ego inputs (B, E) of recordings, batch by batch."""


class FakeQuantizer(TrainingOnly):
    """Computes a student as in int8: in training, and in evaluation within `simulated`.

    It is no part of the student: it stands beside the networks while they are trained, and holds
    the ranges, which are stored and resumed with them.

    Args:
        network: the student; it computes by this from now on.
        tape: of its forward pass (`record`).

    Attributes:
        ranges: (M,), the range of each of `maps`, by which its values are rounded.
        maps: the names of the maps, in the order of the pass.
        layers: how many layers compute in int8.
    """

    ranges: Tensor

    def __init__(self, network: SingleNetwork, tape: Tape) -> None:
        super().__init__()
        self.plan = _Plan(tape)
        self.maps = self.plan.maps
        self.layers = len(self.plan.layers)
        self.register_buffer("ranges", torch.zeros(len(self.maps)))
        self._simulating = False
        self._seen: dict[str, AnyArray] | None = None
        self._unrounded: dict[int, tuple[Tensor, Tensor]] = {}
        network.computing = self.computing

    def computing(self, network: nn.Module, part: str) -> AbstractContextManager[Any]:
        """How the student computes a part; see `SingleNetwork.computing`.

        Args:
            network: the student.
            part: `FEATURES` or `HEAD`.
        """
        if part == FEATURES:
            self._unrounded.clear()
        if self._seen is not None:
            return _Watching(self.plan, part, self._seen)
        if network.training or self._simulating:
            return self._rounding(network, part)
        return nullcontext()

    @contextmanager
    def _rounding(self, network: nn.Module, part: str) -> Iterator[None]:
        scales = (self.ranges / LARGEST).clamp(min=LEAST_SCALE)
        with (
            held_norms(network) as following,
            _Rounding(self.plan, part, network, scales, self._unrounded, following),
        ):
            yield

    @contextmanager
    def simulated(self) -> Iterator[None]:
        """Compute as in int8 in evaluation mode, too."""
        self._simulating = True
        try:
            yield
        finally:
            self._simulating = False

    def measure(self, network: SingleNetwork, batches: Batches) -> None:
        """Measure the ranges.

        Args:
            network: the student, whose mode and weights stay as they are.
            batches: the frames that calibrate; they are run twice.
        """
        training = network.training
        network.eval()
        try:
            with torch.no_grad():
                found = measured_ranges(self.maps, lambda: self._watched(network, batches))
        finally:
            network.train(training)
        self.ranges.copy_(torch.tensor([found[name] for name in self.maps]))

    def _watched(
        self, network: SingleNetwork, batches: Batches
    ) -> Iterator[Mapping[str, AnyArray]]:
        for frames, ego_be in batches():
            self._seen = {}
            try:
                network.predict(frames, ego_be)
                seen = self._seen
            finally:
                self._seen = None
            yield seen


class _Plan:
    """What is done at which call.

    Args:
        tape: of the student's forward pass.

    Attributes:
        calls: every call of the pass, by its place.
        maps: the names of the maps with a range each.
        rounds: the calls whose result is rounded, and the number of its range.
        layers: the calls of the layers that compute in int8.
        joined: the calls of batch norms that are part of these layers.
        unrounded: the calls of layers that stay in float32 and would be given a rounded map: as in
            the graph, they are given it as it was before.
    """

    def __init__(self, tape: Tape) -> None:
        placing = Placing(tape, tape.heavy())
        self.calls = tape.calls
        self.maps = placing.measured
        # The last call that gives a value is the batch norm's, where one follows a layer.
        made_by = {name: place for place, node in tape.calls.items() for name in node.output}
        # A MaxPool of rounded values gives rounded values: those with a scale of another are none.
        self.rounds = {made_by[name]: number for number, name in enumerate(self.maps)}
        self.layers = {
            node.place: node for node in tape.nodes if placing.layers.intersection(node.output)
        }
        self.joined = {
            place
            for place, node in tape.calls.items()
            if node.op_type == JOINED and placing.layers.intersection(node.output)
        }
        left = tape.layers().keys() - placing.layers
        self.unrounded = {
            node.place
            for node in tape.nodes
            if left.intersection(node.output) and node.input[0] in placing.scale_of
        }


class _Part(Calls):
    """One pass through a part of the student.

    Args:
        plan: what is done at which call.
        part: `FEATURES` or `HEAD`.
    """

    def __init__(self, plan: _Plan, part: str) -> None:
        super().__init__()
        self.plan = plan
        self.part = part
        self.number = 0

    def called(self, call: Call) -> Any:
        """Make the call, as `computed` does it, and go on to the next place."""
        place = (self.part, self.number)
        expected = self.plan.calls.get(place)
        known = expected is not None and expected.call == call.name
        result = self.computed(place, call) if known else call.made()
        if not tensors_of([result]):
            return result
        if not known:
            asked = "nothing more" if expected is None else f"'{expected.call}'"
            raise ConfigError(
                f"quantize: the student calls '{call.name}' where it called {asked} in evaluation "
                f"(call {self.number} of its {self.part}). A student that computes otherwise from "
                "pass to pass cannot be fine-tuned for int8; train without quantize"
            )
        self.number += 1
        return self.given(place, result)

    def computed(self, place: Place, call: Call) -> Any:
        """What a known call gives."""
        del place
        return call.made()

    def given(self, place: Place, result: Any) -> Any:
        """What the student is given of a result."""
        del place
        return result


class _Watching(_Part):
    """Computes a part in float32 and keeps the maps that have a range."""

    def __init__(self, plan: _Plan, part: str, seen: dict[str, AnyArray]) -> None:
        super().__init__(plan, part)
        self._seen = seen

    def given(self, place: Place, result: Any) -> Any:
        """Keep the result where it has a range: a copy, since a later call may change it."""
        if place in self.plan.rounds:
            self._seen[self.plan.maps[self.plan.rounds[place]]] = result.clone().cpu().numpy()
        return result


class _Rounding(_Part):
    """Computes a part as in int8."""

    def __init__(
        self,
        plan: _Plan,
        part: str,
        network: nn.Module,
        scales: Tensor,
        unrounded: dict[int, tuple[Tensor, Tensor]],
        following: Collection[nn.Module],
    ) -> None:
        super().__init__(plan, part)
        self._network = network
        self._scales = scales
        self._unrounded = unrounded
        self._following = following

    def computed(self, place: Place, call: Call) -> Any:
        """Layers in int8 have rounded weights, and their batch norm has been done already."""
        if place in self.plan.joined:
            return call.args[0]
        if place in self.plan.layers:
            return self._layer(self.plan.layers[place], call)
        if place in self.plan.unrounded:
            _, before = self._unrounded.get(id(call.args[0]), (None, call.args[0]))
            return replace(call, args=(before, *call.args[1:])).made()
        return call.made()

    def given(self, place: Place, result: Any) -> Any:
        """Round the result where it has a range."""
        if place not in self.plan.rounds:
            return result
        made = rounded(result, self._scales[self.plan.rounds[place]], LEAST)
        if self.plan.unrounded:
            self._unrounded[id(made)] = (made, result)
        return made

    def _layer(self, node: Node, call: Call) -> Tensor:
        names = ("input", "weight", "bias")
        given = {**dict(zip(names, call.args, strict=False)), **call.options}
        weights, bias = given["weight"], given.get("bias")
        norm = self._network.get_submodule(node.norm) if node.norm else None
        joined = None if norm is None else JoinedNorm(norm, bias)
        if joined is not None:
            weights, bias = joined.weights(weights), joined.shift
        given |= {"weight": rounded(weights, weight_scales(weights), -LARGEST), "bias": bias}
        values = [given.pop(name) for name in names]
        made: Tensor = call.function(*values, *call.args[len(names) :], **given)
        if joined is not None and norm in self._following:
            joined.follow(made.detach())
        return made
