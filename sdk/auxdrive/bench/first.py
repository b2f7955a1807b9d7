"""What runs in a fresh process that is timed from its import to its first command. It imports what
a vehicle imports.
"""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np

from auxdrive import AuxdriveError, Predictor
from auxdrive.bench.path import Drive, frames_of, whole_path
from auxdrive.machine.load import peak_memory_mib, pin

CALLS = 20
"""Calls after the first one, before the memory is read: by then all that a call needs is there."""


def run(begin_s: float, words: str) -> str:
    """Give a first command.

    Args:
        begin_s: when the imports began, by `time.perf_counter`.
        words: what is loaded, as JSON (see `auxdrive.bench.cold`).

    Returns:
        What it took, or why it failed, as JSON on one line.
    """
    imported_s = time.perf_counter()
    try:
        found = _drive(begin_s, imported_s, json.loads(words))
    except AuxdriveError as error:
        found = {"error": str(error)}
    return json.dumps(found)


def _drive(begin_s: float, imported_s: float, order: dict[str, Any]) -> dict[str, Any]:
    if order["cpus"]:
        pin(tuple(order["cpus"]))
    subject = order["subject"]
    predictor = Predictor.load(
        order["bundle"],
        subject["runtime"],
        subject["device"],
        order["threads"],
        expect_sha256=order["sha256"],
        options=subject["options"],
        precision=subject["graph"],
    )
    loaded_s = time.perf_counter()
    card = predictor.card
    shape = (1, card.camera.height, card.camera.width, 3)
    image = np.arange(math.prod(shape)).astype(np.uint8).reshape(shape)  # neither dark nor white
    (frame,) = frames_of(card, image, np.array([order["ego"]], np.float32))
    call = whole_path(predictor, Drive(**order["drive"]))
    call(frame)
    done_s, at_s = time.perf_counter(), time.monotonic()
    for _ in range(CALLS):
        call(frame)
    memory_mib = peak_memory_mib()
    predictor.close()
    return {
        "total_s": done_s - begin_s,
        "import_s": imported_s - begin_s,
        "load_s": loaded_s - imported_s,
        "at_s": at_s,
        "memory_mib": memory_mib,
    }
