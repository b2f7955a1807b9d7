"""Calls that tests make of their server; the stock client knows none of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .faults import Fault
from .rpc import Returns, call
from .world import World


@call("test_fault", returns=Returns.NOTHING)
def order_fault(world: World, given: dict[str, Any]) -> None:
    """A fault that a test orders while the server runs; its `tick` counts from the next one."""
    fault = Fault.of(given)
    fault.tick += world.faults.tick + 1
    world.faults.waiting.append(fault)


@call("test_report")
def report(world: World) -> dict[str, Any]:
    """Calls, failures, faults that struck, and what is there."""
    log, faults = world.log, world.faults
    return {
        "calls": dict(log.calls),
        "unknown": log.unknown,
        "failures": log.failures,
        "struck": faults.struck,
        "waiting": [asdict(fault) for fault in faults.waiting],
        "actors": [a.blueprint for a in world.actors.values()],
        "connections": len(log.clients),
        "streams": len(world.streams.connections),
        "listened_to": world.streams.listened_to(),
        "ticks": faults.tick,
        "frame": world.frame,
        "shapes": world.shapes,
        "weather": world.weather,
    }
