"""Signing bundles, and making keys for it."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from auxdrive.bundles import Bundle
from auxdrive.errors import DataError, UsageError
from auxdrive.extras import needed_by_library
from auxdrive.signatures.files import signature_path
from auxdrive.storage.publish import published_file, write_atomic
from auxdrive.storage.reading import make_folder, refusals

_LOG = logging.getLogger(__name__)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def sign_bundle(
    bundle: str | os.PathLike[str],
    key: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    password: bytes | None = None,
) -> Path:
    """Sign a bundle with a private key. The bundle is checked first and is not changed.

    Args:
        bundle: its directory.
        key: a PEM file with the private key of an elliptic curve (P-256, P-384, P-521).
        out: the file of the signature; by default `BUNDLE.sig` beside the bundle.
        password: of the key, where it has one.

    Returns:
        The file of the signature.

    Raises:
        UsageError: there is no bundle, no such key, or the signature's file exists already or would
            lie in the bundle.
        MissingExtra: the extra `sign` is not installed.
        BundleError: the bundle is damaged.
        DataError: the signature cannot be written.

    Examples:
        >>> from auxdrive import make_signing_key, sign_bundle, verify_bundle
        >>> public = make_signing_key("keys/release.pem")
        >>> sign_bundle("bundle", key="keys/release.pem").name
        'bundle.sig'
        >>> verify_bundle("bundle", signature=public).passed
        True
    """
    with needed_by_library("signing", "sign"):
        from auxdrive.signatures import library
    opened, target = _opened(bundle, out)
    _warn_of_readers(Path(key))
    data = library.sign_by_key(opened.card.name, opened.sha256_of_all, Path(key), password)
    return _written(target, data)


def sign_bundle_by_sigstore(
    bundle: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    trust_config: str | os.PathLike[str] | None = None,
) -> Path:
    """Sign a bundle by Sigstore: with the identity of the CI job that runs this, otherwise with one
    that is asked for in a browser. Identity and hash are published in Sigstore's log.

    Args:
        bundle: its directory.
        out: as for `sign_bundle`.
        trust_config: a file with Sigstore's trust configuration; None fetches that of the public
            service.

    Returns:
        The file of the signature.

    Raises:
        UsageError: as `sign_bundle`, or Sigstore cannot be reached.
        MissingExtra: the extra `sign` is not installed.
        BundleError: the bundle is damaged.
        DataError: the signature cannot be written.
    """
    with needed_by_library("signing", "sign"):
        from auxdrive.signatures import library
    opened, target = _opened(bundle, out)
    data = library.sign_by_sigstore(opened.card.name, opened.sha256_of_all, trust_config)
    return _written(target, data)


def make_signing_key(path: str | os.PathLike[str]) -> Path:
    """Make a key for signing (P-256): the private half, which only its owner may read, and the
    public half beside it, which everybody may have.

    Args:
        path: of the private key, such as KEY.pem; the public one is then KEY.pub.pem.

    Returns:
        The file of the public key.

    Raises:
        UsageError: one of the two files exists already; a key is never overwritten.
        MissingExtra: the extra `sign` is not installed.
        DataError: they cannot be written.

    Examples:
        >>> from auxdrive import make_signing_key
        >>> make_signing_key("keys/first.pem").name
        'first.pub.pem'
    """
    with needed_by_library("making a key", "sign"):
        from auxdrive.signatures import library
    private = Path(path)
    public = private.with_name(f"{private.stem}.pub{private.suffix or '.pem'}")
    for each in (private, public):
        if os.path.lexists(each):
            raise UsageError(f"{each} exists already; a key is never overwritten: choose another")
    secret, known = library.new_key()
    make_folder(private.parent)
    with refusals(private, "cannot be written", DataError), published_file(private) as partial:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(partial, "wb", opener=lambda name, _: os.open(name, flags, 0o600)) as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o600)  # whatever the umask takes away
            file.write(secret)
    write_atomic(public, known)
    return public


def _opened(
    bundle: str | os.PathLike[str], out: str | os.PathLike[str] | None
) -> tuple[Bundle, Path]:
    """The checked bundle, and where its signature goes."""
    opened = Bundle.open(bundle)
    target = signature_path(opened.path) if out is None else Path(out)
    if opened.path.resolve() in target.resolve().parents:
        raise UsageError(
            f"{target}: lies in the bundle, which holds what its card names and nothing else; put "
            "the signature beside it"
        )
    if os.path.lexists(target):
        raise UsageError(f"{target} exists already; remove it, or choose another --out")
    return opened, target


def _written(target: Path, signature: bytes) -> Path:
    make_folder(target.parent)
    write_atomic(target, signature)
    return target


def _warn_of_readers(key: Path) -> None:
    if os.name != "posix" or not key.is_file():
        return
    rights = stat.S_IMODE(key.stat().st_mode)
    if rights & _OTHERS:
        _LOG.warning(
            f"{key} may be used by others than its owner (rights {rights:o}): chmod 600 {key}"
        )
