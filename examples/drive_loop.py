"""The driving loop: a camera, a bundle, commands at 20 Hz. Put your vehicle into the two functions.

    python drive_loop.py bundles/samd 0             # the machine's first camera
    python drive_loop.py bundles/samd drive.mp4     # a video, as fast as it was taken

The safety envelope stands between predictions and commands, and however the loop ends (Ctrl-C,
SIGTERM, an error), the last command is a safe stop: see docs/loop.md and docs/safety.md.
"""

import sys

from auxdrive import Control, DrivingLoop, Predictor, VehicleState, open_camera


def state() -> VehicleState:
    """What the vehicle knows of itself, asked for at every command."""
    return VehicleState(speed_mps=4.0, target_ego_m=(20.0, 0.0))


def actuate(control: Control) -> None:
    """Take a command to the vehicle."""
    print(f"steer {control.steer_rad:+.3f}, {control.throttle:.2f}, {control.brake:.2f}")


with Predictor.load(sys.argv[1]) as predictor:
    size = predictor.camera.width, predictor.camera.height
    with open_camera(sys.argv[2], size=size) as camera:
        health = DrivingLoop(predictor, camera, actuate, state, rate_hz=20.0).run()
print(health.line())
