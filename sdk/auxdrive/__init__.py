"""auxdrive: what runs in the vehicle. NumPy, pydantic and ONNX Runtime; never torch.

from auxdrive import Observation, Predictor, make_controller

with Predictor.load("bundle") as predictor:
    controller = make_controller("pid", predictor.steering, predictor.vehicle)
    seen = Observation(image=frame, time_s=now, speed_mps=4.0, target_ego_m=(20.0, 0.0))
    prediction = predictor.predict(seen)
    control = controller.step(prediction, speed_mps=4.0, now_s=now)
"""

import logging
from typing import TYPE_CHECKING

from auxdrive.fronts import front
from auxdrive.runtimes.telemetry import silence

__version__ = "0.1.0"

if TYPE_CHECKING:
    from auxdrive.agent import Agent
    from auxdrive.bench.limits import BenchGate
    from auxdrive.bench.measure import bench_bundle
    from auxdrive.bench.record import BenchReport, BenchSettings
    from auxdrive.bench.subjects import BenchSubject
    from auxdrive.bundles import Bundle
    from auxdrive.cameras.base import Camera, IteratorCamera
    from auxdrive.cameras.opening import open_camera
    from auxdrive.cards import CameraSpec, DatasetCard, ModelCard, VehicleSpec
    from auxdrive.checks.verify import verify_bundle
    from auxdrive.controllers import CONTROLLERS, make_controller
    from auxdrive.controllers.base import Controller, GuardedController
    from auxdrive.controllers.options import ControllerOptions
    from auxdrive.controllers.waypoints import usable_waypoints
    from auxdrive.data.dataset import Dataset
    from auxdrive.data.episode_files import write_card
    from auxdrive.data.episode_reader import EpisodeReader
    from auxdrive.data.episode_writer import EpisodeWriter
    from auxdrive.envelope.envelope import SafetyEnvelope
    from auxdrive.envelope.guarded import EnvelopeFlag, EnvelopeMode, Guarded
    from auxdrive.envelope.options import EnvelopeFallback, EnvelopeLimits, EnvelopeOptions
    from auxdrive.errors import (
        AuxdriveError,
        BundleError,
        CheckFailed,
        ConfigError,
        DataError,
        InputError,
        MissingExtra,
        RuntimeFailure,
        RuntimeUnavailable,
        SimulatorError,
        UsageError,
    )
    from auxdrive.loop.driving import DrivingLoop
    from auxdrive.loop.guard import Unguarded
    from auxdrive.loop.health import LoopHealth
    from auxdrive.loop.state import VehicleState
    from auxdrive.modalities import MODALITIES, Modality, ModalitySpec
    from auxdrive.predictor import Predictor
    from auxdrive.registry import Registry
    from auxdrive.route_follower import RouteFollower
    from auxdrive.runtimes import RUNTIMES, RuntimeSpec
    from auxdrive.signatures.policy import SignaturePolicy
    from auxdrive.signatures.sign import make_signing_key, sign_bundle
    from auxdrive.standing import StandingTime
    from auxdrive.steering import SteeringSpec
    from auxdrive.tasks import TASKS
    from auxdrive.tasks.base import TaskSpec
    from auxdrive.types import Control, Flag, Observation, Pose2, Prediction, RoadOption
    from auxdrive.work import Shown, Work

# Names are imported when they are first asked for, so that the command line starts at once and can
# be interrupted cleanly.
__getattr__, __dir__ = front(__name__, {
    "agent": "Agent",
    "bench.limits": "BenchGate",
    "bench.measure": "bench_bundle",
    "bench.record": "BenchReport BenchSettings",
    "bench.subjects": "BenchSubject",
    "bundles": "Bundle",
    "cameras.base": "Camera IteratorCamera",
    "cameras.opening": "open_camera",
    "cards": "CameraSpec DatasetCard ModelCard VehicleSpec",
    "checks.verify": "verify_bundle",
    "controllers": "CONTROLLERS make_controller",
    "controllers.base": "Controller GuardedController",
    "controllers.options": "ControllerOptions",
    "controllers.waypoints": "usable_waypoints",
    "data.dataset": "Dataset",
    "data.episode_files": "write_card",
    "data.episode_reader": "EpisodeReader",
    "data.episode_writer": "EpisodeWriter",
    "envelope.envelope": "SafetyEnvelope",
    "envelope.guarded": "EnvelopeFlag EnvelopeMode Guarded",
    "envelope.options": "EnvelopeFallback EnvelopeLimits EnvelopeOptions",
    "errors": "AuxdriveError BundleError CheckFailed ConfigError DataError InputError MissingExtra "
    "RuntimeFailure RuntimeUnavailable SimulatorError UsageError",
    "loop.driving": "DrivingLoop",
    "loop.guard": "Unguarded",
    "loop.health": "LoopHealth",
    "loop.state": "VehicleState",
    "modalities": "MODALITIES Modality ModalitySpec",
    "predictor": "Predictor",
    "registry": "Registry",
    "route_follower": "RouteFollower",
    "runtimes": "RUNTIMES RuntimeSpec",
    "signatures.policy": "SignaturePolicy",
    "signatures.sign": "make_signing_key sign_bundle",
    "standing": "StandingTime",
    "steering": "SteeringSpec",
    "tasks": "TASKS",
    "tasks.base": "TaskSpec",
    "types": "Control Flag Observation Pose2 Prediction RoadOption",
    "work": "Shown Work",
})  # fmt: skip

silence()
logging.getLogger(__name__).addHandler(logging.NullHandler())  # a library prints nothing

__all__ = [
    "CONTROLLERS", "MODALITIES", "RUNTIMES", "TASKS", "Agent", "AuxdriveError", "BenchGate",
    "BenchReport", "BenchSettings", "BenchSubject", "Bundle", "BundleError", "Camera", "CameraSpec",
    "CheckFailed", "ConfigError", "Control", "Controller", "ControllerOptions", "DataError",
    "Dataset", "DatasetCard", "DrivingLoop", "EnvelopeFallback", "EnvelopeFlag", "EnvelopeLimits",
    "EnvelopeMode", "EnvelopeOptions", "EpisodeReader", "EpisodeWriter", "Flag", "Guarded",
    "GuardedController", "InputError", "IteratorCamera", "LoopHealth", "MissingExtra", "Modality",
    "ModalitySpec", "ModelCard", "Observation", "Pose2", "Prediction", "Predictor", "Registry",
    "RoadOption", "RouteFollower", "RuntimeFailure", "RuntimeSpec", "RuntimeUnavailable",
    "SafetyEnvelope", "Shown", "SignaturePolicy", "SimulatorError", "StandingTime", "SteeringSpec",
    "TaskSpec", "Unguarded", "UsageError", "VehicleSpec", "VehicleState", "Work", "__version__",
    "bench_bundle", "make_controller", "make_signing_key", "open_camera", "sign_bundle",
    "usable_waypoints", "verify_bundle", "write_card",
]  # fmt: skip
