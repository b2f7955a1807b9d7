"""The networks of the roles, as they were when their phases ended.

A network can change after its own phase if a later phase trains a part that it shares: SAMD's
student and teacher share a head. So the network of the role that a phase watches is stored when the
phase ends, and is measured and driven in that state. The run's primary role (the student, if there
is one) is the exception. It is stored after its best epoch, and the other roles that are stored
with it are the networks that taught it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from auxdrive.errors import DataError
from torch import Tensor, nn

from auxdrive_train.engine.checkpoint import restore, snapshot
from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.methods.phases import PhaseRecord
from auxdrive_train.models.networks import Network

Weights = dict[str, Tensor]


def primary_of(method: Method, networks: nn.ModuleDict) -> str:
    """The role that decides which epoch of the run is best: the student, or the first role if there
    is no student.

    Args:
        method: whose roles they are.
        networks: the method's networks, by name.
    """
    roles = method.roles(networks)
    return STUDENT if STUDENT in roles else next(iter(roles))


class EndedRoles:
    """For each role, its network's weights at the end of the last phase that watched it, on the
    CPU.

    Args:
        method: whose roles they are.
        networks: the run's networks and losses, by name; training changes them in place.
    """

    def __init__(self, method: Method, networks: nn.ModuleDict) -> None:
        self._method = method
        self._networks = networks
        self._weights: dict[str, Weights] = {}

    def keep(self, role: str) -> None:
        """Store the role's weights: a phase that watches it has just ended."""
        self._weights[role] = snapshot(self._method.roles(self._networks)[role])

    def changed_since(self) -> dict[str, Weights]:
        """For each role, the tensors that have changed since its phase ended. A checkpoint needs
        only these beside the networks.
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
        """Undo `changed_since` after a resume, when the networks have been restored.

        Args:
            stored: what `changed_since` returned.
            where: the checkpoint's path, for the message.

        Raises:
            DataError: the tensors do not fit the networks.
        """
        for name, network in _overlaid(self._method.roles(self._networks), stored, where).items():
            self._weights[name] = snapshot(network)


def roles_at_their_end(
    method: Method, networks: nn.ModuleDict, stored: Mapping[str, Weights], where: str
) -> dict[str, Network]:
    """Every network to measure or drive, by role, as it was when its phase ended: the run's own
    network, or a changed copy if the network was trained on afterwards.

    Args:
        method: whose roles they are.
        networks: as the checkpoint holds them.
        stored: `Checkpoint.roles` of the same checkpoint.
        where: the checkpoint's path, for the message.

    Raises:
        DataError: the tensors do not fit the networks.
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
    """For each role, the name of the phase after which its network is shown: the last finished
    phase that watched it. The primary role, and roles that no phase watches, such as an ensemble,
    are shown as they were in the best epoch.

    Args:
        roles: the networks by role.
        primary: the primary role; see `primary_of`.
        best_phase: the phase with the run's best epoch.
        history: the phases that had ended when the best epoch's checkpoint was written.
    """
    ended = {record.watch: record.name for record in history}
    return {name: best_phase if name == primary else ended.get(name, best_phase) for name in roles}
