"""What can be chosen by name stands in the page of its kind: whoever adds a row is told which page
still lacks it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from auxdrive.controllers import CONTROLLERS
from auxdrive.registry import Registry
from auxdrive.runtimes import RUNTIMES
from auxdrive_eval.dagger.budgets import BUDGETS
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_train.ingest import READERS
from auxdrive_train.losses import LOSSES
from auxdrive_train.methods import METHODS
from auxdrive_train.models import BACKBONES
from auxdrive_train.trackers import TRACKERS

DOCS = Path(__file__).parents[1] / "docs"
NAMED_IN: list[tuple[Registry, str]] = [
    (METHODS, "methods.md"),
    (LOSSES, "methods.md"),
    (BACKBONES, "methods.md"),
    (TRACKERS, "methods.md"),
    (CONTROLLERS, "vehicle.md"),
    (RUNTIMES, "vehicle.md"),
    (RULE_SETS, "scoring.md"),
    (READERS, "data.md"),
    (BUDGETS, "recipe.md"),
]
OFFERS = [(offer.name, table, page) for table, page in NAMED_IN for offer in table.builtin]


@pytest.mark.parametrize(("name", "table", "page"), OFFERS, ids=[name for name, *_ in OFFERS])
def test_a_name_stands_in_its_page(name: str, table: Registry, page: str) -> None:
    assert f"`{name}`" in (DOCS / page).read_text(encoding="utf-8"), (
        f"docs/{page} does not name the {table.what} `{name}`: say there what it does"
    )
