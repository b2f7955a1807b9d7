"""Which round is the result, and when further ones are not worth having. Driving scores are those
of the validation routes (`drive`) alone, as they stand in the folder's state.
"""

from __future__ import annotations

from collections.abc import Sequence

from auxdrive.runs import Chosen

from auxdrive_eval.dagger.folder import DaggerFolder, DaggerState, Round, rounds_of
from auxdrive_eval.dagger.settings import DaggerConfig

WHAT = "rounds of DAgger"


def table_of(state: DaggerState) -> tuple[Round, ...]:
    """The table of rounds: those that are done and those to come, round 0 first, and which is
    chosen.

    Args:
        state: of the folder.
    """
    rounds, config = rounds_of(state), state.config
    ends = (n for n in range(1, len(rounds)) if is_over(rounds[:n], config))
    begun = sum(each.seconds > 0 for each in rounds)  # more, where patience was longer
    rounds = rounds[: max(next(ends, len(rounds)), begun)]
    best = chosen_round(rounds, config)
    return tuple(
        each.model_copy(update={"chosen": True}) if each is best else each for each in rounds
    )


def chosen_round(rounds: Sequence[Round], config: DaggerConfig) -> Round | None:
    """The round whose student is the result: the one with the best driving score, of equal ones the
    earlier. Where none has been driven, and where the last is asked for, the last trained one.

    Args:
        rounds: the table, round 0 first.
        config: the settings.

    Returns:
        None where no round is trained yet.
    """
    trained = [each for each in rounds if each.is_trained]
    scored = [each for each in trained if each.driving_score is not None]
    if config.chooses_by_score and scored:
        return max(scored, key=lambda each: each.driving_score or 0.0)
    return trained[-1] if trained else None


def is_over(rounds: Sequence[Round], config: DaggerConfig) -> bool:
    """Whether the last `patience` rounds that were driven brought no better driving score.

    Args:
        rounds: the table, round 0 first; what is not driven yet does not count.
        config: the settings.
    """
    if config.patience is None:
        return False
    scored = [each for each in rounds if each.driving_score is not None]
    best = chosen_round(scored, config)
    return best is not None and scored[-1].number - best.number >= config.patience


def chosen_of(rounds: Sequence[Round], config: DaggerConfig) -> Chosen:
    """What the folder says of the choice (`auxdrive.runs.chosen`).

    Args:
        rounds: the table, round 0 first.
        config: the settings.
    """
    best = chosen_round(rounds, config)
    if best is None:
        return Chosen(what=WHAT)
    by_score = config.chooses_by_score and best.driving_score is not None
    why = (
        f"driving score {best.driving_score:.1f} on the routes {config.drive}"
        if by_score
        else "the last round that is trained"
    )
    return Chosen(what=WHAT, run=DaggerFolder.run_name(best.number), why=why)
