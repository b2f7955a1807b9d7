"""A student that is to be written in other precisions: its graph in float32, what it predicts, and
the frames by which other graphs are made and judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from auxdrive.bundles import OOD_OUTPUT
from auxdrive.cards import TensorSpec
from auxdrive.steering import SteeringSpec
from auxdrive.types import Float32
from auxdrive_train.quantization.ranges import measured_ranges
from auxdrive_train.tasks.base import Task

from auxdrive_deploy.precisions.frames import Frames
from auxdrive_deploy.precisions.gates import PrecisionGates
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import quantised_maps
from auxdrive_deploy.precisions.watching import watched
from auxdrive_deploy.reference import Reference
from auxdrive_deploy.student_parity import run_graph


@dataclass(frozen=True)
class Student:
    """A student that is written in other precisions.

    Attributes:
        model: its graph in float32.
        task: what it predicts.
        steering: the data's steering limits, by which its accuracy is judged.
        inputs: of the graph.
        reference: the bundle's reference frames.
        calibration: frames of the training part.
        held_out: frames that took part in nothing.
        gates: that a precision must pass.
    """

    model: bytes
    task: Task
    steering: SteeringSpec
    inputs: Sequence[TensorSpec]
    reference: Reference
    calibration: Frames
    held_out: Frames
    gates: PrecisionGates

    @cached_property
    def graph(self) -> Graph:
        """The graph, to look things up."""
        return Graph(self.model)

    @cached_property
    def outputs(self) -> Float32:
        """What it predicts from the held-out frames."""
        return self.run(self.model, self.held_out)

    @cached_property
    def ranges(self) -> dict[str, float]:
        """The range of every map that may be quantised, on the calibration frames."""
        shapes = {
            name: self.graph.shapes[name] for name in quantised_maps(self.model, self.graph.heavy())
        }
        return measured_ranges(
            shapes, lambda: watched(self.model, shapes, self.inputs, self.calibration)
        )

    def run(self, model: bytes, frames: Frames | Reference) -> Float32:
        """What a graph predicts.

        Args:
            model: the graph's bytes.
            frames: that it is given.
        """
        prediction = self.task.output
        scores = (OOD_OUTPUT,) if OOD_OUTPUT.name in self.graph.outputs else ()
        outputs = (prediction, *scores)
        given = run_graph(model, self.inputs, outputs, frames.images, frames.ego)
        return given[prediction.name]
