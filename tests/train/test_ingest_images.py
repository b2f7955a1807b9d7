"""Images that are turned, missing, of another kind or named twice: what can be used is, and the
rest is told with where and why.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from auxdrive.errors import DataError
from auxdrive.inspection.findings import examine
from auxdrive.modalities import Modality
from auxdrive_train.ingest.splits import parse_splits
from PIL import ExifTags, Image
from recordings import make_tub, note_with, run


def images(tub: Path) -> list[Path]:
    return sorted((tub / "images").iterdir())


def turn(path: Path) -> None:
    """Say in the file that the camera lay on its side."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    with Image.open(path) as image:
        image.load()
    image.save(path, exif=exif)


def test_images_of_a_camera_on_its_side_are_stored_upright(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 6)
    for path in images(tub):
        turn(path)
    _, dataset = run(tub, tmp_path / "out")
    assert (dataset.card.camera.width, dataset.card.camera.height) == (12, 16)
    assert dataset.episode("train-0000").frames(Modality.RGB).shape == (6, 16, 12, 3)
    assert examine(dataset).broken == []


def test_one_image_on_its_side_is_another_size_before_anything_is_written(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 6)
    turn(images(tub)[4])
    with pytest.raises(
        DataError,
        match=r"different sizes \(16x12 in .*; 12x16 in .*4_cam_image_array_.jpg\).*--image-size",
    ):
        run(tub, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_could_not_be_read_does_not_hold_the_folder(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 6)
    whole = {path: path.read_bytes() for path in images(tub)}
    for path in whole:
        Image.fromarray(np.full((12, 16), 500, np.uint16)).save(path, format="PNG")
    with pytest.raises(
        DataError,
        match=r"has a usable image \(6 image damaged; .*0_cam_image_array_.jpg: .*only 8 bits",
    ):
        run(tub, tmp_path / "out")
    for path, data in whole.items():
        path.write_bytes(data)
    assert run(tub, tmp_path / "out", image_size=(8, 6))[0].frames == {"train": 6}


def test_damaged_images_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 12)
    for path in images(tub)[3:5]:
        path.write_bytes(path.read_bytes()[:200])
    report, _ = run(tub, tmp_path / "out")
    assert report.skipped == {"image damaged": 2}
    assert f"{images(tub)[3]}: not a readable image" in note_with(report, "the first damaged image")


def test_a_tub_without_its_images_says_where_they_belong(tmp_path: Path) -> None:
    tub = make_tub(tmp_path / "tub", 6)
    shutil.rmtree(tub / "images")
    with pytest.raises(
        DataError,
        match=r"6 image missing\). The first, .*line 1, is to be "
        r".*tub/images/0_cam_image_array_.jpg",
    ):
        run(tub, tmp_path / "out")
    with pytest.raises(DataError, match="6 image missing"):
        run(tub, tmp_path / "out", splits=parse_splits(["val=:6"]))


def test_a_recording_of_which_every_other_image_was_removed_has_half_the_rate(
    tmp_path: Path,
) -> None:
    tub = make_tub(tmp_path / "tub", 60)
    for index in range(0, 60, 2):
        (tub / "images" / f"{index}_cam_image_array_.jpg").unlink()
    report, dataset = run(tub, tmp_path / "out")
    assert (report.rate_hz, dataset.card.rate_hz) == (10, 10)
    assert "at 10 Hz and not at 20" in note_with(report, "that have an image")
    assert examine(dataset).broken == []


def test_an_image_that_two_indexes_name_has_the_later_label(tmp_path: Path) -> None:
    """The counter was set back and the records were numbered anew: the image there is the later
    one's.
    """
    tub = make_tub(
        tmp_path / "tub",
        [{}] * 6 + [{"cam/image_array": f"{index}_cam_image_array_.jpg"} for index in range(3)],
    )
    report, dataset = run(tub, tmp_path / "out")
    assert report.skipped == {"image named again by a later record": 3}
    steer = np.concatenate(
        [dataset.episode(each).state["steer_rad"] for each in dataset.episode_ids]
    )
    np.testing.assert_allclose(
        steer, -np.radians(25) * np.array([0.3, 0.4, 0.5, 0.6, 0.7, 0.8]), atol=1e-6
    )
