"""The chain from a bundle's data to the file that runs in the vehicle, as `auxdrive inspect` shows
it.

Each link names what it is and, where there is one, the SHA-256 by which it can be compared with the
thing itself. What the card does not say is shown as unknown. The chain is what the card claims; a
signature says who vouches for it.
"""

from __future__ import annotations

from typing import NamedTuple

from auxdrive.bundles import MODEL_NAME, SBOM_NAME
from auxdrive.cards import ModelCard
from auxdrive.signatures.check import Claim

UNKNOWN = "unknown"


class Link(NamedTuple):
    """A link of the chain.

    Attributes:
        link: what it is.
        what: what the card says of it.
        sha256: that identifies it; None where there is none or it is not known.
    """

    link: str
    what: str
    sha256: str | None


def chain_of(card: ModelCard, card_sha256: str, signed: Claim) -> list[Link]:
    """The chain of a bundle, from the data to the signature.

    Args:
        card: its card.
        card_sha256: the SHA-256 of card.json.
        signed: by whom it is said to be signed.
    """
    made = card.training
    settings = ", ".join(
        (
            made.method,
            made.backbone,
            f"with {' and '.join(made.auxiliaries) or 'no auxiliary modality'}",
            f"seed {made.seed}",
            f"{made.epochs} epochs",
            *(() if made.config_sha256 else ("its SHA-256 unknown",)),
        )
    )
    code = f"commit {made.commit or UNKNOWN}, auxdrive {made.auxdrive_version}"
    return [
        Link("data set", made.dataset or UNKNOWN, made.dataset_sha256),
        Link("code", code, None),
        Link("config", settings, made.config_sha256),
        *_before_training(made.init_from_sha256),
        *((Link("fine-tuned for", made.fine_tuned_for, None),) if made.fine_tuned_for else ()),
        *_trained_with(made.trained_with),
        Link(
            "student's weights",
            _known(made.weights_sha256, "of the best epoch"),
            made.weights_sha256,
        ),
        Link("graph", MODEL_NAME, card.files[MODEL_NAME]),
        Link(
            "packages",
            SBOM_NAME if SBOM_NAME in card.files else f"{UNKNOWN}: no {SBOM_NAME}",
            card.files.get(SBOM_NAME),
        ),
        Link("card", "names every file of the bundle", card_sha256),
        Link("signature", signed.text, signed.key_id),
    ]


def _before_training(sha256: str | None) -> list[Link]:
    return [] if sha256 is None else [Link("started from", "the best weights of a run", sha256)]


def _trained_with(others: dict[str, str] | None) -> list[Link]:
    if others is None:
        return [Link("trained with", UNKNOWN, None)]
    if not others:
        return [Link("trained with", "no other network", None)]
    return [Link("trained with", role, sha256) for role, sha256 in others.items()]


def _known(sha256: str | None, text: str) -> str:
    return UNKNOWN if sha256 is None else text
