"""Layouts, networks and signals of embedded towns by their seeds, for the tests of how towns are
made.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

from auxdrive_eval.random_streams import stream
from auxdrive_eval.simulators.embedded.town.lanes import Network, build_network
from auxdrive_eval.simulators.embedded.town.layout import (
    Layout,
    draft_layout,
)
from auxdrive_eval.simulators.embedded.town.model import (
    Lane,
    StopSign,
    TrafficLight,
)
from auxdrive_eval.simulators.embedded.town.signals import place_signals
from hypothesis import settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 60)
FEW = settings(max_examples=6, deadline=None)


@lru_cache(maxsize=64)
def layout_of(seed: int) -> Layout:
    """The first draft of a seed that can be driven."""
    return next(
        layout
        for draft in itertools.count()
        if (layout := draft_layout(stream(seed, "layout", draft))) is not None
    )


@lru_cache(maxsize=64)
def network_of(seed: int) -> Network:
    """The roads and lanes of that draft, without signals."""
    return build_network(layout_of(seed), stream(seed, "roads"))


@lru_cache(maxsize=64)
def signals_of(
    seed: int,
) -> tuple[dict[int, Lane], dict[int, TrafficLight], dict[int, StopSign]]:
    """Its lanes with their signals, its lights and its stop signs."""
    return place_signals(network_of(seed), stream(seed, "signals"))
