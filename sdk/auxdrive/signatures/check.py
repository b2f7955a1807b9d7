"""Whether a bundle has the signature that is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from auxdrive.bundles import Bundle
from auxdrive.errors import BundleError
from auxdrive.extras import needed_by_library
from auxdrive.signatures import files
from auxdrive.signatures.policy import SignaturePolicy, policy_of


def require_signature(bundle: Bundle, wanted: str | os.PathLike[str] | SignaturePolicy) -> str:
    """Refuse a bundle that does not have the signature which is asked for.

    What is compared are the SHA-256s that the opened bundle holds; no file of it is read again.

    Args:
        bundle: the opened bundle.
        wanted: the PEM file of a public key, or a policy.

    Returns:
        Who signed it, in words.

    Raises:
        UsageError: no such key file or no key in it; or Sigstore cannot be reached.
        MissingExtra: the extra `sign` is not installed.
        BundleError: there is no signature, it is damaged, it was made by another key or identity,
            or it is the signature of other files.
    """
    policy = policy_of(wanted)
    with needed_by_library("a check of signatures", "sign"):
        from auxdrive.signatures import library

    path = files.signature_path(bundle.path) if policy.signature is None else policy.signature
    data, where = files.read_file(Path(path)), os.fspath(path)
    hashes = bundle.sha256_of_all
    if policy.public_key is None:
        return _signed_by_sigstore(bundle, hashes, data, where, policy)
    key = library.PublicKey(Path(policy.public_key))
    claimed = files.read_signature(data, where)
    if claimed.key_id != key.id:
        raise BundleError(
            f"{where}: was made by another key: by {claimed.key_id}, and {policy.public_key} is "
            f"{key.id} (SHA-256 of the public key). Get the right public key, or a bundle that was "
            "signed by this one"
        )
    _refuse_other_files(bundle, hashes, data, where)
    library.check_by_key(hashes, data, where, key)
    return f"the key {key.id}"


def _signed_by_sigstore(
    bundle: Bundle, hashes: dict[str, str], data: bytes, where: str, policy: SignaturePolicy
) -> str:
    from auxdrive.signatures import library

    assert policy.identity is not None  # as the policy was made
    assert policy.issuer is not None
    if not files.is_of_sigstore(data, where):
        raise BundleError(
            f"{where}: was not made by Sigstore; check a signature by a key with the public key"
        )
    _refuse_other_files(bundle, hashes, data, where)
    library.check_by_sigstore(
        hashes, data, where, policy.identity, policy.issuer, policy.trust_config
    )
    return f"{policy.identity} (Sigstore, vouched for by {policy.issuer})"


def _refuse_other_files(bundle: Bundle, hashes: dict[str, str], data: bytes, where: str) -> None:
    """Say which files differ; that the signature holds for these is checked after it."""
    if differing := files.differences(files.signed_files(data, where), hashes):
        raise BundleError(
            f"{where}: is the signature of other files than those of {bundle.path} ({differing}): "
            f"of another bundle, or of this one before it was changed. {files.AGAIN}"
        )


class Claim(NamedTuple):
    """Who is said to have signed a bundle; nothing of it is proved.

    Attributes:
        text: in words.
        key_id: the SHA-256 of the public key; None where no key is said to have signed it.
    """

    text: str
    key_id: str | None = None


def who_signed(bundle: Path, hashes: dict[str, str]) -> Claim:
    """Who is said to have signed a bundle. Nothing is proved: no signature is computed.

    Args:
        bundle: its folder.
        hashes: the SHA-256 of each of its files, the card's too, by relative path.

    Raises:
        BundleError: the file beside it is no signature, or is one of other files.
    """
    path = files.signature_path(bundle)
    if not os.path.lexists(path):
        return Claim(f"not signed: there is no {path.name} beside it")
    data, where = files.read_file(path), str(path)
    if differing := files.differences(files.signed_files(data, where), hashes):
        raise BundleError(f"{where}: is the signature of other files ({differing}). {files.AGAIN}")
    if files.is_of_sigstore(data, where):
        return Claim("by Sigstore; not proved: `auxdrive verify --identity WHO --issuer URL`")
    claimed = files.read_signature(data, where)
    return Claim("by this key; not proved: `auxdrive verify --key PUB.pem`", claimed.key_id)
