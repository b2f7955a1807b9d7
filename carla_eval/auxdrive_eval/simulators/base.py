"""The protocol behind which simulators stand: embedded, and CARLA."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Control

from auxdrive_eval.world import Route, WorldState


class Simulator(Protocol):
    """A world that is stepped at a fixed rate and drives one ego along a route. The ego's pose is
    that of its rear axle.

    The same route and seed give the same run, tick by tick, also in another process.
    """

    tick_s: float
    camera: CameraSpec
    vehicle: VehicleSpec

    def reset(self, route: Route, seed: int) -> WorldState:
        """Put the ego at rest on the start of the route, with traffic and lights from `seed`."""

    def step(self, control: Control) -> WorldState:
        """Advance by one tick under this control. Sensors are not rendered."""

    def sense(self, modalities: Collection[Modality]) -> Mapping[Modality, AnyArray]:
        """Frames of the present instant in the stored format (`auxdrive.modalities.MODALITIES`).
        Valid until the next call.
        """

    def expert(self) -> Control:
        """What the privileged driver would do now."""

    def close(self) -> None:
        """Release the renderer."""
