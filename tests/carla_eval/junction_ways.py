"""Ways through the junctions of a town, by the signal before them."""

from __future__ import annotations

from auxdrive_eval.simulators.embedded.town.model import Lane, Town


def connectors(town: Town, signal: str) -> list[Lane]:
    """Connectors whose arriving lane has this signal, or none."""
    found = []
    for lane in town.lanes.values():
        if lane.junction_id is not None:
            arriving = town.lanes[lane.predecessors[0]]
            kind = (
                "light"
                if arriving.light_id is not None
                else "sign"
                if arriving.stop_sign_id is not None
                else "none"
            )
            if kind == signal:
                found.append(lane)
    return found
