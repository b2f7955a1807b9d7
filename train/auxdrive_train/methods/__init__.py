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
        "selection": "auxdrive_train.methods.selection:Selection",
    },
    check=subclass_of("auxdrive_train.methods.contract:Method"),
)
