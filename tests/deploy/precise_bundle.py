"""A bundle of the steering task with all precisions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from auxdrive.bundles import sha256_of_files
from auxdrive_deploy.precisions.fp16 import to_fp16
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import to_int8

sys.path.insert(
    0, str(Path(__file__).parents[1] / "sdk")
)  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory

MODEL = bundle_factory.model(1).SerializeToString()
GRAPHS = {
    "fp16": to_fp16(MODEL, Graph(MODEL).heavy()),
    "int8": to_int8(MODEL, Graph(MODEL).heavy(), {"chw": 1.0, "active": 1.5}),
}


def write_precise_bundle(folder: Path) -> Path:
    """Write it.

    Args:
        folder: of the bundle; it is made.
    """
    bundle = bundle_factory.write_bundle(folder)
    card = json.loads((bundle / "card.json").read_text())
    for name, graph in GRAPHS.items():
        (bundle / f"model.{name}.onnx").write_bytes(graph)
        card["precisions"][name] = {
            "file": f"model.{name}.onnx",
            "method": "made for the tests",
            "calibration_frames": 0 if name == "fp16" else 6,
            "float_layers": [],
            "gates": [
                {"name": "worst difference", "value": 0.2, "limit": 2.0, "unit": "deg",
                 "samples": 40}
            ],
            "parity": card["parity"] | {"limit": 2.0, "measured": 0.5},
        }  # fmt: skip
    card["files"] = sha256_of_files(bundle)
    (bundle / "card.json").write_text(json.dumps(card))
    return bundle
