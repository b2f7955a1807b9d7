"""The optimisers of a run: one for each phase, or for all phases that name the same one. They go on
where a checkpoint left them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from auxdrive_train.engine.checkpoint import Slots
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.optimizer_state import optimizer_state, restore_optimizer
from auxdrive_train.methods.phases import Phase


class Optimizers:
    """Those that were made, and the states of those that a checkpoint holds beside them.

    Args:
        config: how they are made.
        checkpoint: the name of the checkpoint's file, for messages.
    """

    def __init__(self, config: TrainConfig, checkpoint: str) -> None:
        self._config, self._checkpoint = config, checkpoint
        self._made: dict[str, Optimizer] = {}
        self._loaded: dict[str, dict[int, Slots]] = {}

    def take_up(self, states: Mapping[str, dict[int, Slots]]) -> None:
        """Go on from the states of a checkpoint (`states`)."""
        self._loaded = dict(states)

    def of(self, phase: Phase, index: int, trained: Sequence[nn.Module]) -> Optimizer:
        """The optimiser of a phase, made where it does not exist yet.

        Args:
            phase: that is trained.
            index: its number in the run.
            trained: the modules that it trains.

        Raises:
            DataError: the state in the checkpoint does not fit these modules.
        """
        key = _key(phase, index)
        if key not in self._made:
            # Modules may share parameters (SAMD's head), each of which is optimised once.
            parameters = list(
                {id(p): p for module in trained for p in module.parameters()}.values()
            )
            optimizer = self._new(parameters)
            if key in self._loaded:
                restore_optimizer(optimizer, self._loaded.pop(key), self._checkpoint)
            self._made[key] = optimizer
        return self._made[key]

    def _new(self, parameters: list[nn.Parameter]) -> Optimizer:
        config = self._config
        # One kernel in the place of hundreds, whose launches are what a GPU waits for.
        fused = True if config.device == "cuda" else None
        lr, decay = config.lr, config.weight_decay
        if config.optimizer == "sgd":
            return SGD(parameters, lr, config.momentum, weight_decay=decay, fused=fused)
        return AdamW(parameters, lr, weight_decay=decay, fused=fused)

    def end(self, phase: Phase, index: int) -> None:
        """Forget what no later phase uses.

        Args:
            phase: that has ended.
            index: its number in the run.
        """
        if not phase.optimizer:
            self._made.pop(_key(phase, index), None)

    def states(self) -> dict[str, dict[int, Slots]]:
        """What a checkpoint holds of all."""
        made = {key: optimizer_state(each) for key, each in self._made.items()}
        return {**made, **self._loaded}


def _key(phase: Phase, index: int) -> str:
    return phase.optimizer or f"phase {index}"
