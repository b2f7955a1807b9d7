"""Distillation losses, one file each, named as their papers abbreviate them. See
`auxdrive_train.losses.contract` for what a loss must be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, subclass_of

if TYPE_CHECKING:
    from auxdrive_train.losses.contract import Loss

LOSSES: Registry[type[Loss]] = Registry(
    "loss",
    "auxdrive.losses",
    {
        "kd": "auxdrive_train.losses.kd:KD",
        "hint": "auxdrive_train.losses.hint:Hint",
        "rkd": "auxdrive_train.losses.rkd:RKD",
        "similarity": "auxdrive_train.losses.similarity:Similarity",
        "correlation": "auxdrive_train.losses.correlation:Correlation",
        "pkt": "auxdrive_train.losses.pkt:PKT",
        "vid": "auxdrive_train.losses.vid:VID",
        "abound": "auxdrive_train.losses.abound:ABound",
        "factor": "auxdrive_train.losses.factor:Factor",
        "crd": "auxdrive_train.losses.crd:CRD",
        "at": "auxdrive_train.losses.at:AT",
        "fsp": "auxdrive_train.losses.fsp:FSP",
    },
    check=subclass_of("auxdrive_train.losses.contract:Loss"),
)
