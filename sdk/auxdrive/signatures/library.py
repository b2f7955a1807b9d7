"""The one module that imports the OpenSSF's model-signing library (extra `sign`).

The library makes and checks the signature. It is given the SHA-256s that the opened bundle holds,
in the place of its own reading of the folder: what it would read could be exchanged before the
bundle is used.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import manifest, signing, verifying
from model_signing._hashing.hashing import Digest  # what the public `Manifest` is made of
from sigstore.errors import Error as SigstoreError

from auxdrive.errors import AuxdriveError, BundleError, UsageError
from auxdrive.signatures.files import AGAIN
from auxdrive.storage.reading import check_regular, read_bytes, reason, shown

Made = TypeVar("Made")

MAX_KEY_BYTES = 64 << 10
CURVES = ("secp256r1", "secp384r1", "secp521r1")
_BY_FILES = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
_REFUSED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
    InvalidSignature, UnsupportedAlgorithm,
)  # fmt: skip
"""What the library raises where a signature does not hold, or is none."""


class _Hashes:
    """Gives the library the hashes of an opened bundle, in the place of a `hashing.Config`."""

    def __init__(self, name: str, hashes: Mapping[str, str]) -> None:
        self._name, self._hashes = name, hashes

    def add_ignored_paths(self, **_: Any) -> None:
        """Ignores nothing, whatever a signature asks for: it must name every file."""

    def hash(self, *_: Any, **__: Any) -> Any:
        """The manifest of the bundle; no file is read."""
        how = manifest.SerializationType.from_args(_BY_FILES)
        items = [
            how.new_item(name, Digest("sha256", bytes.fromhex(sha256)))
            for name, sha256 in sorted(self._hashes.items())
        ]
        return manifest.Manifest(self._name, items, how)


class PublicKey:
    """A public key that signatures are checked with.

    Attributes:
        pem: the key in PEM.
        id: the SHA-256 of `pem`, by which signatures name the key.

    Raises:
        UsageError: the file cannot be read or holds no such key.
    """

    def __init__(self, path: Path) -> None:
        data = read_bytes(path, MAX_KEY_BYTES, UsageError)
        try:
            key = serialization.load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm):
            private = (
                " but a private one, which must stay with its owner" if _is_private(data) else ""
            )
            raise UsageError(
                f"{path}: is no public key in PEM{private}. `auxdrive sign --make-key KEY.pem` "
                "writes the public half as KEY.pub.pem"
            ) from None
        _check_curve(path, key)
        self.pem = _pem_of(key)
        self.id = hashlib.sha256(self.pem).hexdigest()


def check_by_key(hashes: Mapping[str, str], signature: bytes, where: str, key: PublicKey) -> None:
    """Refuse a signature that is not the key's signature of these files.

    Args:
        hashes: the SHA-256 of each file, by relative path.
        signature: the content of its file.
        where: names it in messages.
        key: that must have made it.

    Raises:
        BundleError: it is not.
    """
    with _folder() as folder:
        (folder / "key.pem").write_bytes(key.pem)
        config = verifying.Config().use_elliptic_key_verifier(public_key=folder / "key.pem")
        _check(config, hashes, signature, where, "this key", folder)


def check_by_sigstore(
    hashes: Mapping[str, str],
    signature: bytes,
    where: str,
    identity: str,
    issuer: str,
    trust_config: str | os.PathLike[str] | None,
) -> None:
    """Refuse a signature that Sigstore does not know as somebody's signature of these files.

    Args:
        hashes: the SHA-256 of each file, by relative path.
        signature: the content of its file.
        where: names it in messages.
        identity: who must have made it.
        issuer: who vouches for that identity.
        trust_config: a file with Sigstore's trust configuration; None fetches it.

    Raises:
        UsageError: Sigstore cannot be reached.
        BundleError: it is not that signature.
    """
    config = _reached(
        lambda: verifying.Config().use_sigstore_verifier(
            identity=identity, oidc_issuer=issuer, trust_config=_trust(trust_config)
        )
    )
    with _folder() as folder:
        _check(config, hashes, signature, where, f"{identity} of {issuer}", folder)


def sign_by_key(
    name: str, hashes: Mapping[str, str], key: Path, password: bytes | None = None
) -> bytes:
    """The signature of files by a private key, as the content of its file.

    Args:
        name: of the model, for people who read the signature.
        hashes: the SHA-256 of each file, by relative path.
        key: a PEM file.
        password: of the key, where it has one.

    Raises:
        UsageError: the file holds no private key of an elliptic curve, or has another password.
    """
    data = read_bytes(key, MAX_KEY_BYTES, UsageError)
    try:
        _check_curve(key, serialization.load_pem_private_key(data, password))
    except TypeError:
        asked = "needs its password" if password is None else "has no password, but one was given"
        raise UsageError(f"{key}: {asked} (AUXDRIVE_KEY_PASSWORD)") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(
            f"{key}: is no private key in PEM, or has another password. `auxdrive sign --make-key "
            "KEY.pem` makes one"
        ) from None
    config = signing.Config()
    # bytes, whatever the library's types say: it hands the password on to cryptography as it is
    config.use_elliptic_key_signer(private_key=key, password=password)
    return _sign(config, name, hashes)


def sign_by_sigstore(
    name: str, hashes: Mapping[str, str], trust_config: str | os.PathLike[str] | None = None
) -> bytes:
    """The signature of files by Sigstore, as the content of its file: by the identity of the job
    where a CI system has one, otherwise by one that is asked for in a browser.

    Args:
        name: of the model, for people who read the signature.
        hashes: the SHA-256 of each file, by relative path.
        trust_config: a file with Sigstore's trust configuration; None fetches it.

    Raises:
        UsageError: Sigstore cannot be reached, or there is no identity.
    """
    return _reached(
        lambda: _sign(
            signing.Config().use_sigstore_signer(
                use_ambient_credentials=True, trust_config=_trust(trust_config)
            ),
            name,
            hashes,
        )
    )


def new_key() -> tuple[bytes, bytes]:
    """A new P-256 key in PEM: the private half (PKCS #8, without a password) and the public one."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, _pem_of(key.public_key())


def _pem_of(key: Any) -> bytes:
    pem: bytes = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


def _is_private(data: bytes) -> bool:
    return b"PRIVATE KEY" in data


def _check_curve(path: Path, key: Any) -> None:
    curve = getattr(getattr(key, "curve", None), "name", type(key).__name__)
    if curve not in CURVES:
        raise UsageError(
            f"{path}: is a key of another kind ({curve}); signatures are made by keys of the "
            "elliptic curves P-256, P-384 and P-521"
        )


def _check(
    config: Any,
    hashes: Mapping[str, str],
    signature: bytes,
    where: str,
    whose: str,
    folder: Path,
) -> None:
    path = folder / "signature"
    path.write_bytes(signature)  # the very bytes that were looked at; the library takes paths alone
    config.set_hashing_config(_Hashes(where, hashes))
    try:
        config.verify(folder, path)
    except (*_REFUSED, SigstoreError) as error:
        raise BundleError(
            f"{where}: the signature does not hold ({_told(error)}): it "
            f"was changed, or was not made by {whose}. {AGAIN}"
        ) from error


def _sign(config: Any, name: str, hashes: Mapping[str, str]) -> bytes:
    with _folder() as folder:
        config.set_hashing_config(_Hashes(name, hashes)).sign(folder, folder / "signature")
        return (folder / "signature").read_bytes()


def _trust(path: str | os.PathLike[str] | None) -> Path | None:
    if path is None:
        return None
    check_regular(path, UsageError)
    return Path(path)


def _reached(make: Callable[[], Made]) -> Made:
    try:
        return make()
    except AuxdriveError:
        raise
    except (SigstoreError, OSError, ValueError) as error:
        raise UsageError(
            f"Sigstore cannot be used here ({_told(error)}): it needs a network, an identity, and "
            "a valid trust configuration. A key needs none of them: `auxdrive sign --key`"
        ) from error


def _told(error: Exception) -> str:
    """An error of the library in one line; some are empty, some have many."""
    return shown(" ".join(str(error).split())) or type(error).__name__


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder of our own, for a library that takes paths alone."""
    try:
        made = TemporaryDirectory(prefix="auxdrive-signature-")
    except OSError as error:
        raise UsageError(
            f"no folder for temporary files can be made ({reason(error)}), and signatures need "
            "one: set TMPDIR"
        ) from error
    with made as folder:
        yield Path(folder)
