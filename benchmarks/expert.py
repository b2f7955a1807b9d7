"""How well the embedded simulator's expert drives: completion, collisions and infractions over
seeded routes, towns and traffic.

    python benchmarks/expert.py [--routes 50] [--first-seed 0] [--perturb] [--scenarios all]
        [--expert all_knowing|sighted]

The routes are judged by the criteria of rule set 1.0. With --perturb the steering is disturbed as
while data are recorded. `unexplained_share` is the share of looks (`LOOK_S` apart) at which the
expert accelerates at least `UNEXPLAINED_MPS2` less than what lies in its camera's view explains,
by the simulator's truth; `unexplained_share_of_held` is the same of those looks at which something
else than the road decides; `unexplained_by` counts them by the reason that decided. The result goes
to benchmarks/results/expert.json with the machine and the commit, and to a name of its own where
another expert, perturbed steering or scenarios were asked for.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import Any

from auxdrive_eval.collecting.perturbation import Perturbation
from auxdrive_eval.criteria import TERMINAL_KINDS
from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.ego.contacts import STANDING_MPS
from auxdrive_eval.simulators.embedded.ego.reasons import Why, strictest, unexplained_mps2
from auxdrive_eval.simulators.embedded.scenarios import chosen_kinds
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import ExpertKind
from record import RESULTS, write_result

LOOK_S = 0.5
UNEXPLAINED_MPS2 = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--routes", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--perturb", action="store_true")
    parser.add_argument("--scenarios", default="")
    parser.add_argument("--expert", type=ExpertKind, default=ExpertKind.ALL_KNOWING)
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    simulator = EmbeddedSimulator(
        render=False, scenarios=chosen_kinds(arguments.scenarios), expert=arguments.expert
    )
    drives = [
        drive(simulator, arguments.first_seed + index, arguments.perturb)
        for index in range(arguments.routes)
    ]
    events = Counter(kind for drive in drives for kind in drive["events"])
    ticks = sum(drive["ticks"] for drive in drives)
    unexplained: Counter[str] = sum((Counter(drive["unexplained"]) for drive in drives), Counter())
    looks, held = (sum(drive[key] for drive in drives) for key in ("looks", "held_looks"))
    clean = [drive for drive in drives if drive["events"] == [EventKind.ROUTE_COMPLETED.value]]
    result = {
        "routes": len(drives),
        "completed": events.pop(EventKind.ROUTE_COMPLETED.value, 0),
        "completed_without_infraction": len(clean),
        "infractions": dict(sorted(events.items())),
        "expert": arguments.expert.value,
        "scenarios": arguments.scenarios,
        "perturbed": arguments.perturb,
        "route_s": round(sum(drive["game_s"] for drive in drives) / len(drives), 2),
        "standing_s": round(sum(drive["standing_s"] for drive in drives) / len(drives), 2),
        "unexplained_share": round(sum(unexplained.values()) / looks, 4),
        "unexplained_share_of_held": round(sum(unexplained.values()) / held, 4),
        "unexplained_by": dict(unexplained.most_common()),
        "length_km": round(sum(drive["length_m"] for drive in drives) / 1000, 2),
        "world_ms_per_tick": round(1000 * sum(drive["wall_s"] for drive in drives) / ticks, 3),
        "drives": drives,
    }
    name = "expert" if arguments.expert is ExpertKind.ALL_KNOWING else "expert_sighted"
    name += ("_perturbed" if arguments.perturb else "") + (
        "_scenarios" if arguments.scenarios else ""
    )
    written = write_result(arguments.out / f"{name}.json", result)
    print(json.dumps({key: value for key, value in written.items() if key != "drives"}, indent=2))


def drive(simulator: EmbeddedSimulator, seed: int, perturb: bool) -> dict[str, Any]:
    """Drive the route of a seed with its traffic; what the criteria saw, by kind in order."""
    route = simulator.random_route(seed)
    rules = RULE_SETS["1.0"]
    criteria = (rules.completion(route), *rules.criteria(route))
    perturbation = Perturbation(seed) if perturb else None
    state = simulator.reset(route, seed)
    kinds: list[str] = []
    over, wall_s, standing_s, looks, held_looks = False, 0.0, 0.0, 0, 0
    unexplained: Counter[str] = Counter()
    every = round(LOOK_S / simulator.tick_s)
    while not over:
        if state.frame % every == 0:
            looks += 1
            told = simulator.expert_reasons()
            why = strictest(reason for reason, _ in told).why if told else Why.ROAD
            held_looks += why is not Why.ROAD
            if unexplained_mps2(told) >= UNEXPLAINED_MPS2:
                unexplained[why.value] += 1
        began_s = perf_counter()
        control = simulator.expert()
        state = simulator.step(
            control if perturbation is None else perturbation.apply(control, state.time_s)
        )
        wall_s += perf_counter() - began_s
        standing_s += simulator.tick_s * (state.speed_mps < STANDING_MPS)
        news = [event for criterion in criteria for event in criterion.update(state)]
        kinds += [event.kind.value for event in news]
        over = any(event.kind in TERMINAL_KINDS for event in news)
    kinds += [event.kind.value for criterion in criteria for event in criterion.finish(state)]
    return {
        "seed": seed,
        "town": route.town,
        "length_m": round(route.length_m, 1),
        "game_s": round(state.time_s, 2),
        "standing_s": round(standing_s, 2),
        "ticks": state.frame,
        "looks": looks,
        "held_looks": held_looks,
        "unexplained": dict(unexplained),
        "wall_s": round(wall_s, 3),
        "events": kinds,
    }


if __name__ == "__main__":
    main()
