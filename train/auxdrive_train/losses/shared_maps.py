"""Which maps a student and its teacher both have, and maps of one size, for the losses that compare
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.errors import ConfigError
from auxdrive.work import counted
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from auxdrive_train.losses.contract import LossSetup


def shared_maps(loss: str, setup: LossSetup, at_least: int) -> tuple[str, ...]:
    """Names of the maps that both networks have, from input to output.

    Args:
        loss: its name, for the message.
        setup: of the loss.
        at_least: how many it needs.

    Raises:
        ConfigError: there are fewer.
    """
    names = tuple(name for name in setup.student.maps if name in setup.teacher.maps)
    if len(names) < at_least:
        raise ConfigError(
            f"the loss '{loss}' compares at least {counted(at_least, 'map')}, and student "
            f"({', '.join(setup.student.maps) or 'none'}) and teacher "
            f"({', '.join(setup.teacher.maps) or 'none'}) share {len(names)}. Choose another loss "
            "or backbone"
        )
    return names


def pooled(one_bchw: Tensor, other_bchw: Tensor) -> tuple[Tensor, Tensor]:
    """Two maps, each averaged to the smaller height and the smaller width of both.

    Args:
        one_bchw: a map.
        other_bchw: another one, whose channels may differ.
    """
    height, width = (
        min(a, b) for a, b in zip(one_bchw.shape[2:], other_bchw.shape[2:], strict=True)
    )
    ours, theirs = (
        each
        if each.shape[2:] == (height, width)
        else functional.adaptive_avg_pool2d(each, (height, width))
        for each in (one_bchw, other_bchw)
    )
    return ours, theirs
