"""The rule of each operator: which shapes a node computes from the shapes of its inputs, and how
much work that is. https://onnx.ai/onnx/operators/

A rule takes a node and its inputs, and returns its outputs and its work in multiplications. It
refuses what ONNX allows but no export holds, which keeps it short.
"""

from collections.abc import Mapping

from auxdrive.checks.rules.arranging import ARRANGING
from auxdrive.checks.rules.computing import COMPUTING
from auxdrive.checks.values import Rule

RULES: Mapping[str, Rule] = {**ARRANGING, **COMPUTING}
