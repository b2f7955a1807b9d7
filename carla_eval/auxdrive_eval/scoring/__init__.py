"""Scoring: the table of rule sets; from events to a route's infractions, penalty and scores; from
routes to the leaderboard's results document. Pure functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.registry import Registry, instance_of

if TYPE_CHECKING:
    from auxdrive_eval.scoring.rule_sets import RuleSet

RULE_SETS: Registry[RuleSet] = Registry(
    "rule set",
    "auxdrive.rule_sets",
    {
        "1.0": "auxdrive_eval.scoring.leaderboard1:LEADERBOARD_1",
        "2.0": "auxdrive_eval.scoring.leaderboard20:LEADERBOARD_2_0",
        "2.1": "auxdrive_eval.scoring.leaderboard21:LEADERBOARD_2_1",
        "bench2drive": "auxdrive_eval.scoring.bench2drive.rules:BENCH2DRIVE",
    },
    check=instance_of("auxdrive_eval.scoring.rule_sets:RuleSet"),
)
DEFAULT_RULES = "1.0"
