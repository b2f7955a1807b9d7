"""Predicts from a video with OpenCV, frame by frame, and writes it anew with the predictions drawn.

    pip install opencv-python-headless
    python opencv_video.py BUNDLE VIDEO OUT.mp4 --speed 4 --target 20,0

What goes wrong easily, and no error tells: OpenCV's frames are blue, green, red, and a model takes
red, green, blue. Frames of another size are scaled to the model's camera; they should be of its
field of view and proportions. Give it videos that you trust: OpenCV's FFmpeg opens whatever a
playlist names, addresses too. (`auxdrive predict VIDEO --overlay OUT.mp4` needs no OpenCV.)
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from auxdrive import InputError, Observation, Prediction, Predictor


def frames_of(video: str) -> Iterator[tuple[Any, float]]:
    """The frames of a video, (H, W, 3) blue, green, red, and their times in seconds.

    Raises:
        InputError: OpenCV reads nothing of it.
    """
    capture = cv2.VideoCapture(video)
    try:
        if not capture.isOpened():
            raise InputError(f"{video}: OpenCV cannot read it as a video")
        while True:
            read, frame = capture.read()
            if not read:
                return
            yield frame, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000  # of the frame just read
    finally:
        capture.release()


def predict(predictor: Predictor, frame_bgr: Any, time_s: float, **ego: Any) -> Prediction:
    """Predict from OpenCV's frame.

    Args:
        predictor: that predicts.
        frame_bgr: uint8 (H, W, 3), blue, green, red.
        time_s: of the frame.
        ego: what else the model takes, by the names of `Observation`.
    """
    camera = predictor.camera
    # area averaging shrinks without aliasing; the model's own resize comes after it, in the graph
    resized = cv2.resize(frame_bgr, (camera.width, camera.height), interpolation=cv2.INTER_AREA)
    rgb = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)
    return predictor.predict(Observation(np.asarray(rgb, np.uint8), time_s, **ego))


def draw(frame_bgr: Any, prediction: Prediction) -> Any:
    """Draw a prediction on a copy of its frame: a path as seen from above, 20 m high, in the left
    lower corner, or the steering angle as a bar to its side; and what is wrong in words.
    """
    drawn = frame_bgr.copy()
    height, width = drawn.shape[:2]
    side = height // 2
    if prediction.waypoints_ego_m is not None:
        path = np.vstack([[(0.0, 0.0)], prediction.waypoints_ego_m])  # x forward, y left
        u, v = side / 2 - path[:, 1] * side / 20, height - 1 - path[:, 0] * side / 20
        points = np.stack([u, v], axis=1).round().astype(np.int32)
        cv2.polylines(drawn, [points], False, (0, 159, 230), 2, cv2.LINE_AA)
    elif prediction.steer_rad is not None:
        end = round(width / 2 - prediction.steer_rad * width / 2)
        cv2.line(drawn, (width // 2, height - 3), (end, height - 3), (0, 159, 230), 3)
    if prediction.reason:
        cv2.putText(drawn, prediction.reason, (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 94, 213))
    return drawn


def main() -> None:
    """Read the command line, and write the video."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("bundle")
    parser.add_argument("video")
    parser.add_argument("out", help="a new video, .mp4")
    parser.add_argument("--speed", type=float, help="m/s, where the model takes it")
    parser.add_argument("--target", help="X,Y in metres, where the model takes it")
    given = parser.parse_args()
    ego: dict[str, Any] = {"speed_mps": given.speed}
    if given.target is not None:
        x, y = given.target.split(",")
        ego["target_ego_m"] = (float(x), float(y))
    writer = None
    with Predictor.load(given.bundle) as predictor:
        for frame, time_s in frames_of(given.video):
            prediction = predict(predictor, frame, time_s, **ego)
            waypoints = prediction.waypoints_ego_m
            said = prediction.steer_rad if waypoints is None else waypoints.tolist()
            print(f"{time_s:.3f} {said} {prediction.reason}")
            if writer is None:
                fourcc = cv2.VideoWriter.fourcc(*"mp4v")
                size = (frame.shape[1], frame.shape[0])
                writer = cv2.VideoWriter(given.out, fourcc, 20.0, size)
            writer.write(draw(frame, prediction))
    if writer is None:
        raise SystemExit(f"{given.video} holds no frames")
    writer.release()


if __name__ == "__main__":
    main()
