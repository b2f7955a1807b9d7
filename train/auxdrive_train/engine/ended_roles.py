"""Views as they stood at the end of their own phases.

A network goes on changing after its phase where a later phase trains a part that it shares: SAMD's
head belongs to teacher and student. So the view that a phase watches is kept as it stands at the
phase's end, and is measured and driven as that. The run's primary view (the student, where there is
one) is the exception: it is kept as it stood after its best epoch, and the weights that were kept
beside it are those of the networks that taught it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from auxdrive.errors import DataError
from torch import Tensor, nn

from auxdrive_train.engine.checkpoint import restore, snapshot
from auxdrive_train.methods.contract import STUDENT, Method, PhaseRecord
from auxdrive_train.models.networks import Network

Weights = dict[str, Tensor]


def primary_of(method: Method, networks: nn.ModuleDict) -> str:
    """The view by which a run's best epoch is chosen: the student, or the first where there is
    none.
    """
    views = method.views(networks)
    return STUDENT if STUDENT in views else next(iter(views))


class EndedViews:
    """The weights, on the CPU, of every view whose phase has ended; of the last one where several
    phases watch it.
    """

    def __init__(self, method: Method, networks: nn.ModuleDict) -> None:
        self._method = method
        self._networks = networks
        self._weights: dict[str, Weights] = {}

    def keep(self, view: str) -> None:
        """A phase that watches this view has ended."""
        self._weights[view] = snapshot(self._method.views(self._networks)[view])

    def changed_since(self) -> dict[str, Weights]:
        """By view the tensors that have changed since its phase ended: all that must be stored
        beside the networks themselves.
        """
        changed = {}
        for name, weights in self._weights.items():
            now = self._method.views(self._networks)[name].state_dict()
            changed[name] = {
                key: tensor
                for key, tensor in weights.items()
                if not torch.equal(tensor, now[key].cpu())
            }
        return changed

    def take_up(self, stored: Mapping[str, Weights], where: str) -> None:
        """The inverse of `changed_since`, once the networks themselves have been restored.

        Raises:
            DataError: the tensors are another network's.
        """
        for name, network in _overlaid(self._method.views(self._networks), stored, where).items():
            self._weights[name] = snapshot(network)


def views_at_their_end(
    method: Method, networks: nn.ModuleDict, stored: Mapping[str, Weights], where: str
) -> dict[str, Network]:
    """Every view to measure or drive: the networks' own, or a copy where it has changed since its
    phase ended.

    Args:
        method: whose views. networks: as the checkpoint holds them.
        stored: `Checkpoint.views` of the same checkpoint. where: its path, for the message.

    Raises:
        DataError: the tensors are another network's.
    """
    views = dict(method.views(networks))
    return {
        **views,
        **_overlaid(views, {name: weights for name, weights in stored.items() if weights}, where),
    }


def _overlaid(
    views: Mapping[str, Network], stored: Mapping[str, Weights], where: str
) -> dict[str, Network]:
    made = {}
    for name, weights in stored.items():
        if name not in views:
            raise DataError(f"{where} keeps a view '{name}', which this run's method does not have")
        network = copy.deepcopy(views[name])
        restore(network, {**network.state_dict(), **weights}, f"{where}, its view '{name}',")
        made[name] = network
    return made


def phases_of(
    views: Mapping[str, Network], primary: str, best_phase: str, history: Sequence[PhaseRecord]
) -> dict[str, str]:
    """By view the phase whose end it shows: the last finished one that watches it. A view that no
    phase watches, as an ensemble, is of the best epoch's networks, like the primary one.

    history: the phases that had ended when the best epoch's checkpoint was written.
    """
    ended = {record.watch: record.name for record in history}
    return {name: best_phase if name == primary else ended.get(name, best_phase) for name in views}
