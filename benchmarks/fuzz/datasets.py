"""Damaged and hostile data-set folders: opened, read, summarised and shown, or refused with an
AuxdriveError.

    python benchmarks/fuzz/datasets.py [--count 50000]

A case is a small sound data set of two episodes with one to three of its files changed: bytes
anywhere, the card's JSON, headers and content of .npy files, or what stands in the folder (pipes,
links, names).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from auxdrive.data.dataset import Dataset
from auxdrive.html.document import encoded
from auxdrive.inspection.page import dataset_page
from auxdrive.inspection.summary import summarise
from auxdrive.strict import dump_json
from dataset_mutations import Case, draw, lay
from harness import main
from workers import Fuzzer

PAGE_EVERY = 10


def use(root: Path, page: bool) -> str:
    """Everything that training, inspect and the page do with a data set."""
    dataset = Dataset.open(root)
    summary = summarise(dataset)
    dump_json(summary)
    if page:
        encoded(dataset_page(dataset, summary))
    if summary["broken"]:
        return "told what is broken"
    for split in dataset.card.splits:
        dataset.split(split)
    dataset.fingerprint()
    for episode_id in dataset.episode_ids:
        episode = dataset.episode(episode_id)
        for modality in episode.modalities:
            np.asarray(episode.frames(modality)).sum()
    return "read"


def setup(_: argparse.Namespace) -> Fuzzer[Case]:
    """One folder, laid anew for each case."""
    home = Path(tempfile.mkdtemp(prefix="auxdrive-fuzz-"))
    root = home / "data"
    number = 0

    def check(case: Case) -> str:
        nonlocal number
        number += 1
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        lay(case, root)
        return use(root, number % PAGE_EVERY == 0)

    return Fuzzer(draw, check, lambda case: "; ".join(case.said))


if __name__ == "__main__":
    main("datasets", setup, __doc__, count=50_000)
