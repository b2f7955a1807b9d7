"""Training methods, one file each. The table is the single place where a name becomes a method."""

from __future__ import annotations

from auxdrive_train.methods.baseline import Baseline
from auxdrive_train.methods.contract import Method
from auxdrive_train.methods.dmcl import DMCL
from auxdrive_train.methods.samd import SAMD
from auxdrive_train.methods.selection import Selection
from auxdrive_train.methods.teacher import Teacher
from auxdrive_train.methods.umt import UMT

METHODS: dict[str, type[Method]] = {
    method.name: method for method in (Baseline, Teacher, SAMD, UMT, DMCL, Selection)
}
