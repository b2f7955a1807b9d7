"""Bundles that lie, with every hash made right, and what `verify` says of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import onnx
from auxdrive.checks.verify import VerifyReport
from auxdrive.types import AnyArray
from onnx import helper, numpy_helper

node = helper.make_node


def change(bundle: Path, files: dict[str, bytes | AnyArray] | None = None, **parity: Any) -> Path:
    """Replace files, with the right hashes in the card, and numbers of the card's parity."""
    card = json.loads((bundle / "card.json").read_text())
    for name, content in (files or {}).items():
        if isinstance(content, bytes):
            (bundle / name).write_bytes(content)
        else:
            np.save(bundle / name, content, allow_pickle=False)
        card["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    card["parity"] |= parity
    (bundle / "card.json").write_text(json.dumps(card))
    return bundle


def failed(report: VerifyReport) -> list[str]:
    """The names of the checks that failed."""
    assert report.passed == (not [check for check in report.checks if not check.passed])
    return [check.name for check in report.checks if not check.passed]


def forge(bundle: Path, model: onnx.ModelProto | bytes, **changes: Any) -> Path:
    """Put a model into a bundle, and whatever else, with the right hashes."""
    data = model if isinstance(model, bytes) else model.SerializeToString()
    (bundle / "model.onnx").write_bytes(data)
    card = json.loads((bundle / "card.json").read_text()) | changes
    for name in card["files"]:
        card["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    (bundle / "card.json").write_text(json.dumps(card))
    return bundle


def with_nodes(*nodes: onnx.NodeProto, **stored: AnyArray) -> onnx.ModelProto:
    """The genuine model, with nodes between its output (now "pre") and steer_rad."""
    model = bundle_factory.model(1)
    model.graph.node[-1].output[0] = "pre"
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in stored.items()
    )
    return model
