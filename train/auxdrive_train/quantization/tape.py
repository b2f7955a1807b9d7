"""A student's forward pass as a graph: every call of a function of torch that gives a tensor, in
order. Later passes make the same calls, and a call is known by its number.

Batch norm after a layer is part of it, as it is in exported graphs, and dropout is not there.
"""

from __future__ import annotations

import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from auxdrive_train.models.networks import FEATURES, HEAD, SingleNetwork
from auxdrive_train.quantization.placing import LAYERS, heavy_of

KINDS = {
    "conv1d": "Conv", "conv2d": "Conv", "conv3d": "Conv", "linear": "Gemm",
    "relu": "Relu", "relu_": "Relu", "max_pool2d": "MaxPool",
    "add": "Add", "add_": "Add", "__add__": "Add", "__iadd__": "Add",
    "batch_norm": "BatchNormalization",
    "dropout": "Dropout", "dropout2d": "Dropout", "alpha_dropout": "Dropout",
}  # fmt: skip
"""What ONNX calls the functions of torch that the rule of placing knows."""
JOINED = "Identity"
"""Of a batch norm that is part of the layer before it."""
_NOT_COMPUTED = ""
_BATCH_NORM = inspect.signature(functional.batch_norm)

Place = tuple[str, int]
"""A part of the student (`FEATURES`, `HEAD`) and the number of a call within it."""


@dataclass
class Node:
    """A call of a function.

    Attributes:
        op_type: what ONNX calls it; the function's own name where the rule does not know it.
        input: the names of the tensors that it is given; empty for what no call has made.
        output: the name of the tensor that it gives; more than one where it gives several.
        place: of the call.
        call: the function's name.
        weights: the name of a layer's weights in the network.
        work: how many multiplications a layer takes for one frame.
        norm: the name of the module of a batch norm; a layer's, where it follows the layer.
    """

    op_type: str
    input: list[str]
    output: list[str]
    place: Place
    call: str
    weights: str = ""
    work: int = 0
    norm: str = ""


@dataclass
class Tape:
    """The graph of a student's forward pass.

    Attributes:
        calls: every call, by its place.
        nodes: those of them that an exported graph has.
        shapes: of the values, for one frame.
        outputs: the prediction.
        maker: the node that computes each value.
        users: the nodes that take each value.
    """

    calls: dict[Place, Node] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    maker: dict[str, Node] = field(default_factory=dict)
    users: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))

    def layers(self) -> dict[str, int]:
        """The layers with stored weights, by the name of their output, and their work."""
        return {node.output[0]: node.work for node in self.nodes if node.op_type in LAYERS}

    def heavy(self) -> list[str]:
        """The layers that compute in int8, by the names of their outputs."""
        convolutions = {node.output[0] for node in self.nodes if node.op_type == "Conv"}
        return heavy_of(self.layers(), convolutions)


def record(network: SingleNetwork, frames: Tensor, ego_be: Tensor) -> Tape:
    """The graph of a student's forward pass in evaluation mode.

    Args:
        network: the student.
        frames: two frames or more, (B, H, W, 3).
        ego_be: (B, E), ego inputs.
    """
    recorder, training = _Recorder(network), network.training
    network.eval()
    try:
        with torch.no_grad():
            with recorder.part(FEATURES):
                features = network.features(frames)
            with recorder.part(HEAD):
                prediction = network.head(features, ego_be)
    finally:
        network.train(training)
    return _finished(recorder, recorder.name_of(prediction))


@dataclass(frozen=True)
class Call:
    """A call of a function of torch.

    Attributes:
        function: that is called.
        args: its positional arguments.
        options: its other arguments.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The function's name."""
        return getattr(self.function, "__name__", str(self.function))

    def made(self) -> Any:
        """What it gives."""
        return self.function(*self.args, **self.options)


class Calls(TorchFunctionMode):
    """Sees every call of a function of torch, but not those that it makes in turn."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Hand the call on to `called`."""
        del types
        return self.called(Call(func, args, kwargs or {}))

    def called(self, call: Call) -> Any:
        """Make the call."""
        return call.made()


class _Recorder(Calls):
    """Records every call that gives tensors."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.calls: list[Node] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._part, self._number = "", 0
        self._names: dict[int, str] = {}
        self._alive: list[Tensor] = []  # so that no other tensor gets the identity of one of these
        self._weights = {id(tensor): name for name, tensor in network.named_parameters()}
        self._norms = {
            id(module.running_mean): name
            for name, module in network.named_modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            and module.running_mean is not None
        }

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Record the calls of a part."""
        self._part, self._number = name, 0
        with self:
            yield

    def name_of(self, value: Any) -> str:
        """The name of a tensor; empty for what no call has made."""
        return self._names.get(id(value), _NOT_COMPUTED)

    def called(self, call: Call) -> Any:
        """Make the call and record it."""
        given = [self.name_of(each) for each in tensors_of([*call.args, *call.options.values()])]
        result = call.made()
        made = tensors_of([result])
        if not made:
            return result
        place = (self._part, self._number)
        self._number += 1
        node = Node(KINDS.get(call.name, call.name), given, [], place, call.name)
        if node.op_type in LAYERS:
            self._describe_layer(node, call, made[0])
        elif node.op_type == "BatchNormalization":
            mean = _BATCH_NORM.bind(*call.args, **call.options).arguments["running_mean"]
            node.norm = self._norms.get(id(mean), "")
        elif node.op_type == "Add" and len(given) < 2:
            node.op_type = call.name  # a number is added
        for index, tensor in enumerate(made):
            output = f"{place[0]}.{place[1]}" + (f".{index}" if index else "")
            node.output.append(output)
            self._names[id(tensor)] = output
            self._alive.append(tensor)
            self.shapes[output] = (1, *tensor.shape[1:])
        self.calls.append(node)
        return result

    def _describe_layer(self, node: Node, call: Call, made: Tensor) -> None:
        weights: Tensor = call.args[1] if len(call.args) > 1 else call.options["weight"]
        node.weights = self._weights.get(id(weights), "")
        if not node.weights:
            node.op_type = node.call  # its weights are computed
        node.work = math.prod(made.shape[1:]) * weights[0].numel()


def _finished(recorder: _Recorder, prediction: str) -> Tape:
    """The tape of recorded calls: batch norm is joined with its layer, and dropout left out."""
    tape = Tape({node.place: node for node in recorder.calls}, shapes=recorder.shapes)
    same: dict[str, str] = {}
    taken = [name for node in recorder.calls for name in dict.fromkeys(node.input)]
    for node in recorder.calls:
        node.input = [same.get(name, name) for name in node.input]
        before = tape.maker.get(node.input[0]) if node.input else None
        if node.op_type == "Dropout":
            same[node.output[0]] = node.input[0]
            continue
        alone = node.input and taken.count(node.input[0]) == 1
        if node.norm and before is not None and before.op_type in ("Conv", "Gemm") and alone:
            before.norm, before.output, node.op_type = node.norm, node.output, JOINED
            tape.maker[node.output[0]] = before
            continue
        tape.nodes.append(node)
        for name in node.output:
            tape.maker[name] = node
    for node in tape.nodes:
        for name in dict.fromkeys(node.input):
            tape.users[name].append(node)
    tape.outputs = {same.get(prediction, prediction)}
    return tape


def tensors_of(values: Any) -> list[Tensor]:
    """The tensors among arguments or results, those in lists and tuples too."""
    found = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_of(value)
    return found
