"""How well the embedded simulator's expert drives: completion, collisions and infractions over
seeded routes, towns and traffic.

    python benchmarks/expert.py [--routes 50] [--first-seed 0] [--perturb]

The routes are judged by the criteria of rule set 1.0. With --perturb the steering is disturbed as
while data are recorded. The result goes to benchmarks/results/expert.json (expert_perturbed.json)
with the machine and the commit.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from time import perf_counter
from typing import Any

from auxdrive_eval.collecting.perturbation import Perturbation
from auxdrive_eval.criteria import TERMINAL_KINDS
from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from record import RESULTS, write_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--routes", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--perturb", action="store_true")
    arguments = parser.parse_args()
    simulator = EmbeddedSimulator(render=False)
    drives = [
        drive(simulator, arguments.first_seed + index, arguments.perturb)
        for index in range(arguments.routes)
    ]
    events = Counter(kind for drive in drives for kind in drive["events"])
    ticks = sum(drive["ticks"] for drive in drives)
    clean = [drive for drive in drives if drive["events"] == [EventKind.ROUTE_COMPLETED.value]]
    result = {
        "routes": len(drives),
        "completed": events.pop(EventKind.ROUTE_COMPLETED.value, 0),
        "completed_without_infraction": len(clean),
        "infractions": dict(sorted(events.items())),
        "perturbed": arguments.perturb,
        "length_km": round(sum(drive["length_m"] for drive in drives) / 1000, 2),
        "world_ms_per_tick": round(1000 * sum(drive["wall_s"] for drive in drives) / ticks, 3),
        "drives": drives,
    }
    written = write_result(
        RESULTS / ("expert_perturbed.json" if arguments.perturb else "expert.json"), result
    )
    print(json.dumps({key: value for key, value in written.items() if key != "drives"}, indent=2))


def drive(simulator: EmbeddedSimulator, seed: int, perturb: bool) -> dict[str, Any]:
    """Drive the route of a seed with its traffic; what the criteria saw, by kind in order."""
    route = simulator.random_route(seed)
    rules = RULE_SETS["1.0"]
    criteria = (rules.completion(route), *rules.criteria(route))
    perturbation = Perturbation(seed) if perturb else None
    state = simulator.reset(route, seed)
    kinds: list[str] = []
    began_s, over = perf_counter(), False
    while not over:
        control = simulator.expert()
        state = simulator.step(
            control if perturbation is None else perturbation.apply(control, state.time_s)
        )
        news = [event for criterion in criteria for event in criterion.update(state)]
        kinds += [event.kind.value for event in news]
        over = any(event.kind in TERMINAL_KINDS for event in news)
    wall_s = perf_counter() - began_s
    kinds += [event.kind.value for criterion in criteria for event in criterion.finish(state)]
    return {
        "seed": seed,
        "town": route.town,
        "length_m": round(route.length_m, 1),
        "game_s": round(state.time_s, 2),
        "ticks": state.frame,
        "wall_s": round(wall_s, 3),
        "events": kinds,
    }


if __name__ == "__main__":
    main()
