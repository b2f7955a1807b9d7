"""A finished evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.route import Route


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished evaluation: the results document, the routes, and the result of each. A route
    occurs once for each of its repeats.
    """

    document: dict[str, Any]
    settings: EvaluationSettings
    driven: tuple[StoredRoute, ...]
    routes: tuple[Route, ...]
