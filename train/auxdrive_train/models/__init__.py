"""Networks: inputs, backbones, heads, and three ways to put them together (one modality, teacher,
late fusion).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, instance_of

if TYPE_CHECKING:
    from auxdrive_train.models.backbone import Backbone

BACKBONES: Registry[Backbone] = Registry(
    "backbone",
    "auxdrive.backbones",
    {
        "mobilenetv4": "auxdrive_train.models.backbone:MOBILENETV4",
        "pilotnet": "auxdrive_train.models.backbone:PILOTNET",
        "pilotnet_bn": "auxdrive_train.models.backbone:PILOTNET_BN",
        "resnet18": "auxdrive_train.models.backbone:RESNET18",
        "resnet34": "auxdrive_train.models.backbone:RESNET34",
    },
    check=instance_of("auxdrive_train.models.backbone:Backbone"),
)
