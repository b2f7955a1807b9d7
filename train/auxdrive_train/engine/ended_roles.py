"""The networks of a run's roles as they stood at the end of their own phases.

A network goes on changing after its phase where a later phase trains a part that it shares: SAMD's
head belongs to teacher and student. So the network whose role a phase watches is kept as it
stands at the phase's end, and is measured and driven as that. The run's primary role (the student,
where there is one) is the exception: it is kept as it stood after its best epoch, and the weights
that were kept beside it are those of the networks that taught it.
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
    """The role by which a run's best epoch is chosen: the student, or the first where there is
    none.
    """
    roles = method.roles(networks)
    return STUDENT if STUDENT in roles else next(iter(roles))


class EndedRoles:
    """The weights, on the CPU, of every role whose phase has ended; of the last one where several
    phases watch it.
    """

    def __init__(self, method: Method, networks: nn.ModuleDict) -> None:
        self._method = method
        self._networks = networks
        self._weights: dict[str, Weights] = {}

    def keep(self, role: str) -> None:
        """A phase that watches this role has ended."""
        self._weights[role] = snapshot(self._method.roles(self._networks)[role])

    def changed_since(self) -> dict[str, Weights]:
        """By role the tensors that have changed since its phase ended: all that must be stored
        beside the networks themselves.
        """
        changed = {}
        for name, weights in self._weights.items():
            now = self._method.roles(self._networks)[name].state_dict()
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
        for name, network in _overlaid(self._method.roles(self._networks), stored, where).items():
            self._weights[name] = snapshot(network)


def roles_at_their_end(
    method: Method, networks: nn.ModuleDict, stored: Mapping[str, Weights], where: str
) -> dict[str, Network]:
    """Every network to measure or drive, by its role: the run's own, or a copy of it as it stood at
    its phase's end where it has changed since.

    Args:
        method: whose roles. networks: as the checkpoint holds them.
        stored: `Checkpoint.roles` of the same checkpoint. where: its path, for the message.

    Raises:
        DataError: the tensors are another network's.
    """
    roles = dict(method.roles(networks))
    return {
        **roles,
        **_overlaid(roles, {name: weights for name, weights in stored.items() if weights}, where),
    }


def _overlaid(
    roles: Mapping[str, Network], stored: Mapping[str, Weights], where: str
) -> dict[str, Network]:
    made = {}
    for name, weights in stored.items():
        if name not in roles:
            raise DataError(f"{where} keeps a role '{name}', which this run's method does not have")
        network = copy.deepcopy(roles[name])
        restore(network, {**network.state_dict(), **weights}, f"{where}, its role '{name}',")
        made[name] = network
    return made


def phases_of(
    roles: Mapping[str, Network], primary: str, best_phase: str, history: Sequence[PhaseRecord]
) -> dict[str, str]:
    """By role the phase whose end its network shows: the last finished one that watches
    it. A role that no phase watches, as an ensemble, is of the best epoch's networks, like the
    primary one.

    history: the phases that had ended when the best epoch's checkpoint was written.
    """
    ended = {record.watch: record.name for record in history}
    return {name: best_phase if name == primary else ended.get(name, best_phase) for name in roles}
