"""Training methods, one file each.

`METHODS` is the one place where a name becomes a method. Listing the names imports nothing; a
method, and torch with it, is imported when it is asked for by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, subclass_of

if TYPE_CHECKING:
    from auxdrive_train.methods.contract import Method

METHODS: Registry[type[Method]] = Registry(
    "method",
    "auxdrive.methods",
    {
        "baseline": "auxdrive_train.methods.baseline:Baseline",
        "teacher": "auxdrive_train.methods.teacher:Teacher",
        "samd": "auxdrive_train.methods.samd:SAMD",
        "umt": "auxdrive_train.methods.umt:UMT",
        "dmcl": "auxdrive_train.methods.dmcl:DMCL",
        "kd": "auxdrive_train.methods.kd:KD",
        "mfh": "auxdrive_train.methods.mfh:MFH",
        "ume": "auxdrive_train.methods.ume:UME",
        "smcl": "auxdrive_train.methods.smcl:SMCL",
        "cmcl": "auxdrive_train.methods.cmcl:CMCL",
        "random_teacher": "auxdrive_train.methods.random_teacher:RandomTeacher",
        "independent": "auxdrive_train.methods.independent:Independent",
        "type_a": "auxdrive_train.methods.type_a:TypeA",
        "type_b": "auxdrive_train.methods.type_b:TypeB",
        "type_c": "auxdrive_train.methods.type_c:TypeC",
        "early_fusion": "auxdrive_train.methods.early_fusion:EarlyFusion",
        "hallucination": "auxdrive_train.methods.hallucination:Hallucination",
        "staged_hallucination": ("auxdrive_train.methods.staged_hallucination:StagedHallucination"),
        "naive_fusion": "auxdrive_train.methods.naive_fusion:NaiveFusion",
        "auxiliary_losses": "auxdrive_train.methods.auxiliary_losses:AuxiliaryLosses",
        "modality_dropout": "auxdrive_train.methods.modality_dropout:ModalityDropout",
        "pretrained_fusion": "auxdrive_train.methods.pretrained_fusion:PretrainedFusion",
        "self_distillation": "auxdrive_train.methods.self_distillation:SelfDistillation",
        "ogm_ge": "auxdrive_train.methods.ogm_ge:OGMGE",
        "selection": "auxdrive_train.methods.selection:Selection",
    },
    check=subclass_of("auxdrive_train.methods.contract:Method"),
)
