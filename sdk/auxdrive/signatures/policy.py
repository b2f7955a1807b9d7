"""Whose signature a bundle must have."""

from __future__ import annotations

import os
from dataclasses import dataclass

from auxdrive.errors import UsageError

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class SignaturePolicy:
    """Whose signature a bundle must have: that of a key, or that of somebody whom Sigstore knows.

    Attributes:
        public_key: a PEM file with the public half of an elliptic-curve key (P-256, P-384, P-521).
        identity: instead of a key: who signed by Sigstore, such as an e-mail address.
        issuer: who vouches for that identity, such as "https://accounts.google.com".
        trust_config: a file with Sigstore's trust configuration. Without one it is fetched, which
            needs a network.
        signature: the file of the signature; by default the one beside the bundle, `BUNDLE.sig`.

    Raises:
        UsageError: neither a key nor identity and issuer are given, or both.

    Examples:
        >>> from auxdrive import Predictor, SignaturePolicy, make_signing_key, sign_bundle
        >>> public = make_signing_key("release.pem")
        >>> signature = sign_bundle("bundle", key="release.pem", out="signed/bundle.sig")
        >>> policy = SignaturePolicy(public_key=public, signature=signature)
        >>> Predictor.load("bundle", require_signature=policy).close()
    """

    public_key: AnyPath | None = None
    identity: str | None = None
    issuer: str | None = None
    trust_config: AnyPath | None = None
    signature: AnyPath | None = None

    def __post_init__(self) -> None:
        by_key = self.public_key is not None
        by_sigstore = bool(self.identity) and bool(self.issuer)
        sigstore = (self.identity, self.issuer, self.trust_config)
        if by_key and any(each is not None for each in sigstore):
            raise UsageError(
                "a signature is checked either with a public key or by Sigstore's identity and "
                "issuer; give one of the two"
            )
        if not by_key and not by_sigstore:
            raise UsageError(
                "whose signature? Give the PEM file of a public key, or Sigstore's identity and "
                "its issuer, both"
            )


def policy_of(wanted: AnyPath | SignaturePolicy) -> SignaturePolicy:
    """The policy that a caller means: a path stands for that of a public key.

    Raises:
        UsageError: it is neither. An empty path is none: it must not pass for "no signature".
    """
    if isinstance(wanted, SignaturePolicy):
        return wanted
    if not isinstance(wanted, str | os.PathLike) or not os.fspath(wanted):
        raise UsageError(
            f"require_signature={wanted!r}: give the path of a public key (PEM) or a "
            "SignaturePolicy"
        )
    return SignaturePolicy(public_key=wanted)
