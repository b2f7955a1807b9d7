"""The OpenCV example gives a model red, green, blue, and draws what it predicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from auxdrive import InputError, Observation, Predictor
from example_programs import run_example

pytest.importorskip("cv2")

import cv2
from opencv_video import draw, frames_of, predict


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten frames, 64x48, at 20 Hz, of reddish blocks: OpenCV's own file."""
    path = tmp_path_factory.mktemp("video") / "drive.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 20.0, (64, 48))
    blocks = np.random.default_rng(4).integers(0, 256, (10, 6, 8, 3), np.uint8)
    blocks[..., :2] //= 4  # blue and green
    for frame in blocks.repeat(8, axis=1).repeat(8, axis=2):
        writer.write(frame)
    writer.release()
    return path


def test_the_model_is_given_red_green_blue(video: Path, steering_bundle: Path) -> None:
    """By the frames as another library reads them."""
    from auxdrive.data.video_files import read_video

    with Predictor.load(steering_bundle) as predictor:
        ours = [predict(predictor, frame, time_s) for frame, time_s in frames_of(str(video))]
        assert len(ours) == 10
        for prediction, frame in zip(ours, read_video(video), strict=True):
            rgb = frame.image.reshape(24, 2, 32, 2, 3).mean((1, 3)).round().astype(np.uint8)
            bgr = np.ascontiguousarray(rgb[..., ::-1])
            right, wrong = (
                abs(prediction.steer_rad - predictor.predict(Observation(image, 0.0)).steer_rad)
                for image in (rgb, bgr)
            )
            assert right < 0.1 * wrong
            assert prediction.time_s == pytest.approx(frame.time_s, abs=1e-3)


def test_the_video_is_written_with_predictions(
    video: Path, waypoint_bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "drawn.mp4"
    said = run_example(
        "opencv_video.py", waypoint_bundle, video, out, "--speed", 4, "--target", "20,0"
    )
    assert said.splitlines()[1].startswith("0.050 [[")
    before, after = (list(frames_of(str(path))) for path in (video, out))
    assert len(after) == len(before) == 10
    for (plain, _), (drawn, _) in zip(before, after, strict=True):
        assert drawn.shape == plain.shape
        changed = np.abs(drawn.astype(int) - plain).max(axis=2) > 60
        assert changed[24:, :24].any()  # the path, in the left lower corner
        assert not changed[:20, 40:].any()


def test_an_angle_is_drawn_to_its_side(steering_bundle: Path) -> None:
    from auxdrive import Prediction

    frame = np.zeros((48, 64, 3), np.uint8)
    left = draw(frame, Prediction(0.0, 1.0, steer_rad=0.5))
    assert left[45, 20].any()
    assert not left[45, 44].any()


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    (tmp_path / "none.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match="cannot read it as a video"):
        list(frames_of(str(tmp_path / "none.mp4")))
