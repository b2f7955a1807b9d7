"""The layout of a town: an irregular grid of nodes in which some edges are missing, and the roads
between its junctions.

A node where three or four edges meet is a junction. A road runs from one junction to the next,
through nodes where only two edges meet, which become bends.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64

from auxdrive_eval.simulators.embedded.geometry.curves import (
    DENSE_M,
    Curve,
    curvature,
    headings,
    resample,
    smooth,
)

GRID = 4
JUNCTION_RADIUS_M = 13.0
ROUNDINGS_M = (11.0, 15.0, 20.0, 26.0)  # the first one that leaves no bend too sharp is used
MIN_RADIUS_M = 14.0
MIN_ROAD_M = 40.0
MIN_FOUR_WAYS = 2
MIN_ARM_ANGLE_RAD = np.deg2rad(58.0)
Node = tuple[int, int]
Edge = tuple[Node, Node]


@dataclass(frozen=True, slots=True)
class RoadPlan:
    """A road: its two junctions, and its centre line between them, with points `DENSE_M` apart."""

    start: Node
    end: Node
    centreline: Curve


@dataclass(frozen=True, slots=True)
class Layout:
    """Junctions with their positions, and roads, both in a fixed order."""

    junctions: dict[Node, Float64]
    roads: tuple[RoadPlan, ...]


def draft_layout(rng: np.random.Generator) -> Layout | None:
    """One draft of a layout; None if one of its roads or junctions could not be driven, or if it
    has too few junctions.
    """
    positions = _node_positions(rng)
    edges = _keep_edges(rng)
    around: dict[Node, list[Node]] = {node: [] for node in positions}
    for a, b in edges:
        around[a].append(b)
        around[b].append(a)
    bends = {edge: _bend(rng, positions[edge[0]], positions[edge[1]]) for edge in edges}
    for a, b in edges:  # a road that turns at a node has bends enough
        if len(around[a]) == 2 or len(around[b]) == 2:
            bends[(a, b)] = np.empty((0, 2))
    junctions = {node: positions[node] for node in sorted(positions) if len(around[node]) >= 3}
    chains = _chains(around)
    four_ways = sum(len(nodes) == 4 for nodes in around.values())
    if four_ways < MIN_FOUR_WAYS or any(chain[0] == chain[-1] for chain in chains):
        return None
    roads = []
    for chain in chains:
        plan = _road(chain, positions, bends)
        if plan is None:
            return None
        roads.append(plan)
    return Layout(junctions, tuple(roads)) if _arms_apart(junctions, roads) else None


def _node_positions(rng: np.random.Generator) -> dict[Node, Float64]:
    spacing_x, spacing_y = rng.uniform(84.0, 108.0, 2)
    centre = (GRID - 1) / 2
    positions = {}
    for i in range(GRID):
        for j in range(GRID):
            jitter = rng.uniform(-9.0, 9.0, 2)
            positions[(i, j)] = (
                np.array([(i - centre) * spacing_x, (j - centre) * spacing_y]) + jitter
            )
    return positions


def _keep_edges(rng: np.random.Generator) -> list[Edge]:
    """All edges of the grid but a few. Every node keeps two or more edges, and the graph stays
    connected.
    """
    edges: list[Edge] = [((i, j), (i + 1, j)) for i in range(GRID - 1) for j in range(GRID)]
    edges += [((i, j), (i, j + 1)) for i in range(GRID) for j in range(GRID - 1)]
    to_drop = int(rng.integers(2, 5))
    for index in rng.permutation(len(edges)):
        if to_drop == 0:
            break
        candidate = edges[index]
        rest = [edge for edge in edges if edge != candidate]
        if _in_one_piece(rest):
            edges[index] = (candidate[0], candidate[0])  # a hole, so that the indices stay valid
            to_drop -= 1
    return [edge for edge in edges if edge[0] != edge[1]]


def _in_one_piece(edges: list[Edge]) -> bool:
    around: dict[Node, list[Node]] = {(i, j): [] for i in range(GRID) for j in range(GRID)}
    for a, b in edges:
        if a != b:
            around[a].append(b)
            around[b].append(a)
    if min(len(nodes) for nodes in around.values()) < 2:
        return False
    reached, pending = {(0, 0)}, [(0, 0)]
    while pending:
        for node in around[pending.pop()]:
            if node not in reached:
                reached.add(node)
                pending.append(node)
    return len(reached) == GRID * GRID


def _bend(rng: np.random.Generator, start: Float64, end: Float64) -> Float64:
    """Control points between two nodes: none (a straight road), one (an arc) or two (an S-bend)."""
    along = end - start
    left = np.array([-along[1], along[0]]) / np.hypot(*along)
    shape = rng.choice(3, p=[0.4, 0.25, 0.35])
    amplitude = rng.uniform(5.0, 10.0) * rng.choice([-1.0, 1.0])
    if shape == 0:
        return np.empty((0, 2))
    if shape == 1:
        return np.stack([start + 0.5 * along + amplitude * left])
    return np.stack(
        [start + 0.36 * along + amplitude * left, start + 0.64 * along - amplitude * left]
    )


def _chains(around: dict[Node, list[Node]]) -> list[list[Node]]:
    """Sequences of nodes from junction to junction, one for each road."""
    chains, seen = [], set()
    for start in sorted(around):
        if len(around[start]) < 3:
            continue
        for first in around[start]:
            chain = [start, first]
            while len(around[chain[-1]]) == 2:
                chain.append(next(node for node in around[chain[-1]] if node != chain[-2]))
            key = min(tuple(chain), tuple(reversed(chain)))
            if key not in seen:
                seen.add(key)
                chains.append(chain)
    return chains


def _road(
    chain: list[Node], positions: dict[Node, Float64], bends: dict[Edge, Float64]
) -> RoadPlan | None:
    control = [positions[chain[0]][None]]
    for a, b in itertools.pairwise(chain):
        control += [bends[(a, b)] if (a, b) in bends else bends[(b, a)][::-1], positions[b][None]]
    for rounding_m in ROUNDINGS_M:
        dense = smooth(np.concatenate(control), rounding_m)
        along = cumulative_length(dense)
        inside = (along > JUNCTION_RADIUS_M) & (along < along[-1] - JUNCTION_RADIUS_M)
        curve = resample(dense[inside], DENSE_M, headings(dense)[inside])
        if np.abs(curvature(curve)).max() < 1 / MIN_RADIUS_M:
            return RoadPlan(chain[0], chain[-1], curve) if curve.length_m > MIN_ROAD_M else None
    return None


def _arms_apart(junctions: dict[Node, Float64], roads: list[RoadPlan]) -> bool:
    """Whether the roads at every junction are far enough apart for the kerbs between them."""
    for node, centre in junctions.items():
        mouths = [road.centreline.points[0] for road in roads if road.start == node]
        mouths += [road.centreline.points[-1] for road in roads if road.end == node]
        angles = np.sort([np.arctan2(*(mouth - centre)[::-1]) for mouth in mouths])
        if np.diff(np.append(angles, angles[0] + 2 * np.pi)).min() < MIN_ARM_ANGLE_RAD:
            return False
    return True
