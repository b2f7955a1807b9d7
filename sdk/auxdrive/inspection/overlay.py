"""Draws predictions on their images, for `auxdrive predict --overlay`, for videos and for the page
of a run.

Paths lie on the ground and are projected into the image by the camera of the card (its field of
view, place and pitch). Where the card does not give these, or a path lies below the image, as that
of a slow car does, paths are drawn as seen from above in a corner of the image.

Legend: H, W rows and columns; P points; u, v pixels to the right and down.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from auxdrive.cards import CameraSpec
from auxdrive.ego import EGO_INPUTS
from auxdrive.inspection.palette import INK, ORANGE, PURPLE, SKY, VERMILLION, Colour
from auxdrive.tasks.base import Drawing, TaskSpec
from auxdrive.types import AnyArray, Float64, Prediction, UInt8

PREDICTED, RECORDED, TARGET, FLAGGED = ORANGE, SKY, PURPLE, VERMILLION
"""The colours of predicted paths, recorded paths, target points, and text about flags."""
_PAPER: Colour = (255, 255, 255)

LEAST_WIDTH = 480
"""Narrower images are enlarged by a whole factor, so that lines and text have room."""
NEAR_M = 0.3
"""Points nearer to the camera than this are not drawn: they would lie far outside the image."""
_STEP_M = 0.1
_LINE_PIXELS, _FONT_PIXELS, _LINES = 17, 13, 4
_ABOVE_M = 20.0
"""The view from above reaches at least this far ahead."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A path that is drawn.

    Attributes:
        drawing: that holds the path.
        colour: of the path.
    """

    drawing: Drawing
    colour: Colour


def project(points_ego_m: AnyArray, camera: CameraSpec) -> Float64 | None:
    """Project points on the ground into the image.

    Args:
        points_ego_m: (P, 2), x forward and y left in metres.
        camera: of the card.

    Returns:
        (P, 2), u and v in pixels; NaN for points behind the camera or nearer to it than `NEAR_M`.
        None where the card does not give the camera's field of view or its height.
    """
    if camera.fov_deg is None or camera.z_m <= 0:
        return None
    points = np.asarray(points_ego_m, np.float64).reshape(-1, 2)
    focal = camera.width / 2 / math.tan(math.radians(camera.fov_deg) / 2)
    cos, sin = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
    ahead, left = points[:, 0] - camera.x_m, points[:, 1] - camera.y_m
    # positive pitch looks down: a right-handed turn about y
    depth = cos * ahead + sin * camera.z_m
    below = cos * camera.z_m - sin * ahead
    seen = depth >= NEAR_M
    depth = np.where(seen, depth, np.nan)
    u = camera.width / 2 - focal * left / depth
    v = camera.height / 2 + focal * below / depth
    return np.stack([u, v], axis=1)


def overlay(
    image: UInt8,
    camera: CameraSpec,
    paths: Sequence[Shown],
    target_ego_m: tuple[float, float] | None = None,
    lines: Sequence[tuple[str, Colour]] = (),
    above_at_left: bool = False,
) -> UInt8:
    """Draw paths on an image, and write lines of text below it.

    Args:
        image: uint8 (H, W, 3), as the camera gives it or smaller.
        camera: that took it.
        paths: drawn one over the other; the first is the lowest.
        target_ego_m: the next target point; None where there is none.
        lines: texts with their colours. Lines that are too long are broken. Without any there is no
            room for text.
        above_at_left: whether the view from above is in the upper left corner, where traffic lights
            are not; else it is in the upper right one.

    Returns:
        An image of even size. Its size depends only on the size of the image, and on whether there
        are lines.
    """
    height, width = image.shape[:2]
    scale = max(1, math.ceil(LEAST_WIDTH / width))
    shown_height = height * scale + (_LINES * _LINE_PIXELS + 6 if lines else 0)
    canvas = Image.new("RGB", (width * scale + width * scale % 2, shown_height + shown_height % 2))
    canvas.paste(_PAPER, (0, 0, *canvas.size))
    enlarged = Image.fromarray(image).resize((width * scale, height * scale), Image.Resampling.BOX)
    draw = ImageDraw.Draw(enlarged)
    on_screen = width * scale / camera.width
    if project(np.zeros((1, 2)), camera) is not None:
        for path in paths:
            _draw_path(draw, path, camera, on_screen)
        if target_ego_m is not None:
            _draw_target(draw, target_ego_m, camera, on_screen)
    if not all(_is_seen(each.drawing, camera) for each in paths if len(each.drawing.path_p2) > 1):
        _paste_from_above(enlarged, paths, target_ego_m, above_at_left)
    canvas.paste(enlarged, (0, 0))
    _write(ImageDraw.Draw(canvas), lines, height * scale + 4, canvas.width - 8)
    return np.asarray(canvas)


def prediction_on_image(
    image: UInt8,
    prediction: Prediction,
    task: TaskSpec,
    camera: CameraSpec,
    ego: Mapping[str, Any],
    heading: str = "",
) -> UInt8:
    """Draw a prediction on its image, with the ego inputs and the flags as text below.

    Args:
        image: uint8 (H, W, 3), as the model was given it.
        prediction: from this image.
        task: of the model.
        camera: of the model's card.
        ego: the ego inputs by name, as an `Observation` holds them.
        heading: the first words of the text, such as the frame's number.

    Returns:
        An image of even size.
    """
    paths = [] if prediction.is_empty else [Shown(task.drawing(task.row(prediction)), PREDICTED)]
    targets = [value for name, value in ego.items() if EGO_INPUTS[name].axes == ("x", "y")]
    words = [heading, *(_given(name, value) for name, value in ego.items())]
    lines = [("   ".join(filter(None, words)), INK)]
    lines.append(("withheld" if prediction.is_empty else task.text(prediction), INK))
    if prediction.flags:
        lines.append((f"{' '.join(sorted(prediction.flags))}: {prediction.reason}", FLAGGED))
    return overlay(image, camera, paths, targets[0] if targets else None, lines)


def _given(name: str, value: Any) -> str:
    spec = EGO_INPUTS[name]
    numbers = ", ".join(f"{number:.1f}" for number in np.atleast_1d(value))
    return f"{spec.option} {numbers} {spec.unit}"


def _is_seen(drawing: Drawing, camera: CameraSpec) -> bool:
    """Whether the end of a path lies in the image."""
    end = project(drawing.path_p2[-1:], camera)
    if end is None:
        return False
    u, v = end[0].tolist()
    return bool(0 <= u <= camera.width and 0 <= v <= camera.height)


def _draw_path(draw: ImageDraw.ImageDraw, path: Shown, camera: CameraSpec, scale: float) -> None:
    pixels = project(_dense(path.drawing.path_p2), camera)
    assert pixels is not None
    line = [(u, v) for u, v in (pixels * scale).tolist() if math.isfinite(u)]
    width = 3
    if len(line) > 1:
        draw.line(line, fill=INK, width=width + 2, joint="curve")
        draw.line(line, fill=path.colour, width=width, joint="curve")
    if path.drawing.marks:
        marks = project(path.drawing.path_p2[1:], camera)
        assert marks is not None
        for u, v in (marks * scale).tolist():
            if math.isfinite(u):
                _dot(draw, u, v, 2 + width, path.colour)


def _draw_target(
    draw: ImageDraw.ImageDraw, target_ego_m: tuple[float, float], camera: CameraSpec, scale: float
) -> None:
    place = project(np.array([target_ego_m]), camera)
    assert place is not None
    u, v = (place[0] * scale).tolist()
    if math.isfinite(u):
        reach = 7
        diamond = [(u, v - reach), (u + reach, v), (u, v + reach), (u - reach, v)]
        draw.polygon(diamond, fill=TARGET, outline=INK)


def _paste_from_above(
    image: Image.Image,
    paths: Sequence[Shown],
    target_ego_m: tuple[float, float] | None,
    at_left: bool,
) -> None:
    """Draw the view from above into an upper corner: forward is up, left is left, and the
    car is at the bottom.
    """
    side = min(image.size) // 3
    reach = max([_ABOVE_M, *(_reach(each.drawing) for each in paths)])
    panel = Image.new("RGB", (side, side), _PAPER)
    draw = ImageDraw.Draw(panel)

    def place(x_m: float, y_m: float) -> tuple[float, float]:
        along = (side - 8) / reach
        return side / 2 - y_m * along, side - 4 - x_m * along

    for path in paths:
        points = [place(x, y) for x, y in path.drawing.path_p2.tolist()]
        if len(points) > 1:
            draw.line(points, fill=path.colour, width=2, joint="curve")
        for u, v in points[1:] if path.drawing.marks else ():
            _dot(draw, u, v, 3, path.colour)
    if target_ego_m is not None:
        _dot(draw, *place(*target_ego_m), 3, TARGET)
    draw.text((4, 2), f"{reach:.0f} m", fill=INK, font=_font())
    draw.rectangle((0, 0, side - 1, side - 1), outline=INK)
    image.paste(panel, (4 if at_left else image.width - side - 4, 4))


def _reach(drawing: Drawing) -> float:
    return float(np.abs(drawing.path_p2).max(initial=0.0))


def _dot(draw: ImageDraw.ImageDraw, u: float, v: float, radius: float, colour: Colour) -> None:
    draw.ellipse((u - radius, v - radius, u + radius, v + radius), fill=colour, outline=INK)


def _dense(path_p2: AnyArray) -> Float64:
    """A path (P, 2) with a point every `_STEP_M`. So a long straight piece that begins behind the
    camera is drawn from where it comes into view.
    """
    path = np.asarray(path_p2, np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    steps = np.arange(0.0, along[-1] + _STEP_M, _STEP_M)
    return np.stack([np.interp(steps, along, path[:, axis]) for axis in (0, 1)], axis=1)


def _write(
    draw: ImageDraw.ImageDraw, lines: Sequence[tuple[str, Colour]], top: int, width: int
) -> None:
    """Write lines of text. Lines that are too long are broken; those without room are left out."""
    font, row = _font(), 0
    for text, colour in lines:
        for part in _broken(text, font, width):
            if row < _LINES:
                draw.text((4, top + row * _LINE_PIXELS), part, fill=colour, font=font)
            row += 1


def _broken(text: str, font: Any, width: int) -> list[str]:
    parts = [""]
    for word in text.split(" "):
        longer = f"{parts[-1]} {word}" if parts[-1] else word
        if parts[-1] and font.getlength(longer) > width:
            parts.append(word)
        else:
            parts[-1] = longer
    return parts


def _font() -> Any:
    return ImageFont.load_default(_FONT_PIXELS)
