"""Shows samples as vehicles beside the recorded ones would have seen them (`augment.view_shift`,
`augment.view_turn`), with labels and ego inputs that lead back (Bojarski et al. 2016, section 5.2).

The road is taken as flat: what lies below the horizon moves as the ground does, what lies above it
as things far away, by the turn alone. So whatever stands on the road is sheared, and the more the
nearer it is, as in the paper. Where the displaced camera sees what the recorded one did not, the
image's border is repeated; the LiDAR's view from above is empty there.

Legend: B samples; F images of each; H, W image rows and columns; P pixels of an image. Ego frame: x
forward, y left, z up, origin at the rear axle on the ground. A camera looks along "ahead"; "right"
and "down" are those of its image.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import torch
from auxdrive.cards import CameraSpec
from auxdrive.errors import ConfigError
from auxdrive.modalities import LIDAR_BEV_RANGE_M, MODALITIES, Modality
from torch import Tensor
from torch.nn import functional

from auxdrive_train.data.batch import CPU_CHUNK, Batch, bits_of
from auxdrive_train.tasks.base import Task
from auxdrive_train.tasks.view import View

LEAST_AHEAD = 0.05
"""No direction in the recorded image lies farther aside than this allows (87 degrees)."""


def check_views(camera: CameraSpec, task: Task, modalities: Iterable[Modality]) -> None:
    """Check that samples can be shown from other places.

    Args:
        camera: of the data set's card.
        task: whose labels are to be corrected.
        modalities: all that training reads.

    Raises:
        ConfigError: the card does not say how the camera looks at the road, or a modality or a
            label cannot be corrected; the message says which.
    """
    where = "augment.view_shift and augment.view_turn"
    unknown = [
        what
        for what, known in (
            ("its field of view (camera.fov_deg)", camera.fov_deg is not None),
            ("how high it is mounted (camera.z_m)", camera.z_m > 0),
        )
        if not known
    ]
    if unknown:
        raise ConfigError(
            f"{where}: the data set's card does not know of the camera {' and '.join(unknown)}; "
            "state it in dataset.json, or set both to 0"
        )
    for modality in modalities:
        if not MODALITIES[modality].camera_aligned and modality is not Modality.LIDAR:
            raise ConfigError(
                f"{where}: {modality} cannot be shown from another place; leave it out, or set "
                "both to 0"
            )
    still = View(torch.zeros(1), torch.zeros(1), recover_m=1.0)
    try:
        task.label_from(torch.zeros(1, *task.label_shape), still)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}; set both to 0") from None


def seen_from(batch: Batch, view: View, task: Task, camera: CameraSpec) -> Batch:
    """The batch as displaced vehicles see it: every frame, label and ego input.

    Args:
        batch: the samples as recorded.
        view: where the vehicles are.
        task: corrects the labels.
        camera: of the data set's card; see `check_views`.
    """
    placed = View(
        view.shift_m.to(batch.label.device), view.turn_rad.to(batch.label.device), view.recover_m
    )
    ego_be = batch.ego_be.clone()
    for each in task.ego.inputs:
        if each.are_points:
            columns = task.ego.columns[each.name]
            points = ego_be[:, columns].reshape(len(ego_be), -1, 2)
            ego_be[:, columns] = placed.points(points).flatten(1)
    return replace(
        batch,
        frames={
            modality: _lidar_from(frames, placed)
            if modality is Modality.LIDAR
            else camera_from(frames, modality, placed, camera)
            for modality, frames in batch.frames.items()
        },
        ego_be=ego_be,
        label=task.label_from(batch.label, placed),
    )


def camera_from(frames: Tensor, modality: Modality, view: View, camera: CameraSpec) -> Tensor:
    """Frames of a camera as it would have seen from other places.

    Depths become those from there. Classes and depths are taken from the nearest pixel, all else is
    interpolated.

    Args:
        frames: (B, H, W), (B, H, W, C) or (B, F, H, W, C), as stored. All images of a sample are
            shown from the same place beside the vehicle, as if it had been there all the time.
        modality: theirs; it must be aligned with the camera.
        view: the places.
        camera: of the data set's card.
    """
    if frames.ndim == 5:
        seen = [camera_from(images, modality, view, camera) for images in frames.unbind(1)]
        return torch.stack(seen, dim=1)
    step = CPU_CHUNK if frames.device.type == "cpu" else len(frames)
    parts = [slice(start, start + step) for start in range(0, len(frames), step)]
    moved = [_camera_from(frames[part], modality, view.of(part), camera) for part in parts]
    return torch.cat([bits_of(each) for each in moved]).view(frames.dtype)


def _camera_from(frames: Tensor, modality: Modality, view: View, camera: CameraSpec) -> Tensor:
    height, width = frames.shape[1:3]
    ahead, right, down = _rays(height, width, view, camera)
    limited = ahead.clamp(min=LEAST_AHEAD)
    focal = _focal(width, camera)
    # from -1 at the image's first edge to 1 at its last
    u = right / limited * (2 * focal / width)
    v = down / limited * (2 * focal / height)
    spec = MODALITIES[modality]
    if spec.dtype == "uint8" and not spec.categories:
        return _interpolated(frames, torch.stack([u, v], dim=-1).reshape(-1, height, width, 2))
    found = _nearest(frames, u.clamp(-1, 1), v.clamp(-1, 1))
    if modality is Modality.DEPTH:
        # the bits of uint16, for which torch has no operators on a GPU
        stored = found.to(torch.float32) / limited.reshape(found.shape)
        bits = stored.round().clamp(0, 2**16 - 1).to(torch.int32).to(torch.int16)
        return bits.view(torch.uint16)
    return found


def _rays(height: int, width: int, view: View, camera: CameraSpec) -> tuple[Tensor, ...]:
    """What each pixel of the displaced images shows, in the recorded camera: how far ahead, to the
    right and down, (B, P) each, in units of its depth from the displaced camera.

    A pixel looks along (x, y, z) in the displaced ego frame, with 1 along the camera's axis. At the
    depth t = camera.z_m / -z it meets the road. In units of t, that is s = 1 / t for a step of 1 m:
    the recorded camera sees the point along turn (x, y) + s * step, where the step is that from
    camera to camera, and at the same z. At the horizon and above it, s is 0.
    """
    device, focal = view.turn_rad.device, _focal(width, camera)
    a = (torch.arange(width, device=device, dtype=torch.float32) + 0.5 - width / 2) / focal
    b = (torch.arange(height, device=device, dtype=torch.float32) + 0.5 - height / 2) / focal
    cos_pitch, sin_pitch = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
    x = (cos_pitch - b * sin_pitch)[:, None].expand(height, width)
    z = (-sin_pitch - b * cos_pitch)[:, None].expand(height, width)
    s = (-z).clamp(min=0.0) / camera.z_m
    seen = torch.stack([x, (-a).expand(height, width), z, s]).flatten(1)  # (4, P)

    cos, sin = torch.cos(view.turn_rad), torch.sin(view.turn_rad)
    step_x = cos * camera.x_m - sin * camera.y_m - camera.x_m
    step_y = sin * camera.x_m + cos * camera.y_m + view.shift_m - camera.y_m
    none, one = torch.zeros_like(cos), torch.ones_like(cos)
    x_there = torch.stack([cos, -sin, none, step_x], dim=1)  # (B, 4), each of `seen`
    y_there = torch.stack([sin, cos, none, step_y], dim=1)
    z_there = torch.stack([none, none, one, none], dim=1)
    return (
        (cos_pitch * x_there - sin_pitch * z_there) @ seen,
        -y_there @ seen,
        (-sin_pitch * x_there - cos_pitch * z_there) @ seen,
    )


def _focal(width: int, camera: CameraSpec) -> float:
    """The focal length in pixels of an image with `width` columns."""
    assert camera.fov_deg is not None
    return width / 2 / math.tan(math.radians(camera.fov_deg) / 2)


def _interpolated(frames: Tensor, grid_bhw2: Tensor) -> Tensor:
    """uint8 frames at the places of the grid, interpolated; beyond the border, its values."""
    channels = frames if frames.ndim == 4 else frames.unsqueeze(3)
    values = functional.grid_sample(
        channels.permute(0, 3, 1, 2).to(torch.float32),
        grid_bhw2,
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return values.round_().to(torch.uint8).permute(0, 2, 3, 1).reshape(frames.shape).contiguous()


def _nearest(frames: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Frames (B, H, W) at places from -1 to 1, (B, P) each, of the nearest pixel."""
    height, width = frames.shape[1:3]
    column = ((u + 1) * (width / 2)).floor().clamp(max=width - 1)
    row = ((v + 1) * (height / 2)).floor().clamp(max=height - 1)
    index = (row * width + column).long()
    if frames.ndim == 4:
        return (
            frames.flatten(1, 2)
            .gather(1, index[..., None].expand(-1, -1, frames.shape[3]))
            .reshape(frames.shape)
        )
    bits = bits_of(frames)
    return bits.flatten(1).gather(1, index).view(frames.dtype).reshape(frames.shape)


def _lidar_from(frames: Tensor, view: View) -> Tensor:
    """Views from above (B, H, W, C), from other places: each cell is that which held its middle;
    beyond what was seen there is nothing.
    """
    height, width = frames.shape[1:3]
    device, reach = view.turn_rad.device, LIDAR_BEV_RANGE_M
    x = reach * (1 - (torch.arange(height, device=device, dtype=torch.float32) + 0.5) / height)
    y = reach * (0.5 - (torch.arange(width, device=device, dtype=torch.float32) + 0.5) / width)
    x, y = (each.flatten() for each in torch.meshgrid(x, y, indexing="ij"))
    cos, sin = torch.cos(view.turn_rad)[:, None], torch.sin(view.turn_rad)[:, None]
    u = (cos * y + sin * x + view.shift_m[:, None]) * (-2 / reach)
    v = 1 - (cos * x - sin * y) * (2 / reach)
    inside = ((u.abs() < 1) & (v.abs() < 1)).reshape(-1, height, width, 1)
    return _nearest(frames, u.clamp(-1, 1), v.clamp(-1, 1)) * inside.to(frames.dtype)
