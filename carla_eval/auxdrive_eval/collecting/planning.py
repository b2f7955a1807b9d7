"""What each episode of a recording is: its route, its condition, and its split."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from auxdrive.cards import EpisodeOrigin
from auxdrive.errors import UsageError

from auxdrive_eval.collecting.record import EpisodePlan, episode_id, plan_episode
from auxdrive_eval.collecting.settings import BLOCK, CollectSettings, divided, held_out
from auxdrive_eval.simulators.settings import make_simulator


def planned_episode(settings: CollectSettings, index: int) -> EpisodePlan:
    """The plan of an episode. Conditions take turns within each split.

    Args:
        settings: of the recording.
        index: number of the episode, from 0.
    """
    plan = plan_episode(settings.seed, index, settings.route_seeds)
    names = settings.conditions
    if not names:
        return plan
    return replace(plan, condition=names[_turn(settings, index) % len(names)])


def splits_of(indices: list[int], settings: CollectSettings) -> dict[str, tuple[str, ...]]:
    """Divide episodes into splits: of every ten, one drawn by the seed is for validation and
    another for the test. With `split_by` of 'town', of every ten towns.

    If there are fewer than ten and these two are not among them, the last ones are used instead.

    Args:
        indices: numbers of the episodes that are there, ascending.
        settings: of the recording; its `split` puts all episodes into one.

    Returns:
        The episodes' names by split, without splits that would be empty.
    """
    names = {index: episode_id(settings.seed, index) for index in indices}
    if settings.split is not None:
        return {settings.split: tuple(names.values())} if names else {}
    unit_of = {index: _unit(settings, index) for index in indices}
    groups = divided(sorted(set(unit_of.values())), settings.seed)
    return {
        name: tuple(names[index] for index in indices if unit_of[index] in units)
        for name, group in groups.items()
        if (units := set(group))
    }


def origins_of(indices: list[int], settings: CollectSettings) -> dict[str, EpisodeOrigin]:
    """What the card says of episodes besides their names: their conditions, if there are any.

    Args:
        indices: numbers of the episodes.
        settings: of the recording.
    """
    if not settings.conditions:
        return {}
    plans = [planned_episode(settings, index) for index in indices]
    return {
        plan.episode_id: EpisodeOrigin(session=plan.episode_id, condition=plan.condition)
        for plan in plans
    }


def refuse_one_town(settings: CollectSettings) -> None:
    """Refuse to hold whole towns apart where all routes lie in one.

    Raises:
        UsageError: they do, or there are fewer routes than splits.
    """
    if settings.split_by != "town":
        return
    if len(settings.route_seeds) < 3:
        raise UsageError("to hold whole towns apart, give three route seeds or more")
    with closing(make_simulator(settings.simulator, sensors=False)) as simulator:
        towns = {simulator.random_route(seed).town for seed in settings.route_seeds[:2]}
    if len(towns) == 1:
        raise UsageError(
            f"all routes lie in {towns.pop()}: whole towns cannot be held apart. Record each town "
            "by itself, with --split"
        )


def _unit(settings: CollectSettings, index: int) -> int:
    """What is held out as a whole: an episode, or all those of a route seed, and so of a town. They
    are numbered by their first episode.
    """
    if settings.split_by == "episode" or index < len(settings.route_seeds):
        return index
    seeds = settings.route_seeds
    now = plan_episode(settings.seed, index, seeds).route_seed
    first = {plan_episode(settings.seed, i, seeds).route_seed: i for i in range(len(seeds))}
    return first[now]


def _turn(settings: CollectSettings, index: int) -> int:
    """The number of an episode among those of its split; of whole towns, plus the number of times
    that all have been driven.
    """
    if settings.split is not None:
        return index
    unit = _unit(settings, index)
    again = index // len(settings.route_seeds) if settings.split_by == "town" else 0
    block, place = divmod(unit, BLOCK)
    held = held_out(settings.seed, block)
    if place in held:
        return block + held.index(place) + again
    return block * (BLOCK - len(held)) + sum(p not in held for p in range(place)) + again
