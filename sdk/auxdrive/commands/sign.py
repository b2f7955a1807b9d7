"""`auxdrive sign`: vouches for a bundle with a key or by Sigstore, and makes keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import auxdrive.console as console
from auxdrive.commands.runtime_options import BUNDLE_ARGUMENT
from auxdrive.console import JsonOption
from auxdrive.errors import UsageError

PASSWORD = "AUXDRIVE_KEY_PASSWORD"
"""The environment variable that holds the password of a private key."""


def sign(
    bundle: Annotated[Path | None, BUNDLE_ARGUMENT] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY.pem",
            help=f"Sign with this private key; ${PASSWORD} holds its password, if it has one.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="SIG",
            help="Write the signature to this file, not beside the bundle (BUNDLE.sig).",
            show_default=False,
        ),
    ] = None,
    sigstore: Annotated[
        bool,
        typer.Option(
            "--sigstore",
            help="Sign by Sigstore: needs a network; identity and hash are published in its log.",
        ),
    ] = False,
    trust_config: Annotated[
        Path | None,
        typer.Option(help="Sigstore's trust configuration, a file.", show_default=False),
    ] = None,
    make_key: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY.pem",
            help="Make a key instead: KEY.pem, which you keep, and KEY.pub.pem, which you give.",
            show_default=False,
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Sign a bundle. Its signature covers every file of it and lies beside it; the bundle is not
    changed.
    """
    from auxdrive.signatures.sign import make_signing_key, sign_bundle, sign_bundle_by_sigstore

    if make_key is not None:
        if bundle is not None or key is not None or out is not None or sigstore:
            raise UsageError("--make-key makes a key and signs nothing; call `auxdrive sign` again")
        public = make_signing_key(make_key)
        _tell(
            {"private_key": str(make_key), "public_key": str(public)},
            f"{make_key} is the private key: keep it. {public} is the public one: give it to "
            "whoever checks your bundles",
            json_output,
        )
        return
    if bundle is None or (key is None) is not sigstore:
        raise UsageError("name a bundle and one of --key KEY.pem and --sigstore; or --make-key")
    if trust_config is not None and not sigstore:
        raise UsageError("--trust-config belongs to --sigstore")
    if key is None:
        signature = sign_bundle_by_sigstore(bundle, out, trust_config)
    else:
        password = os.environ.get(PASSWORD)
        signature = sign_bundle(bundle, key, out, password.encode() if password else None)
    _tell({"bundle": str(bundle), "signature": str(signature)}, f"signed: {signature}", json_output)


def _tell(facts: dict[str, str], text: str, json_output: bool) -> None:
    if json_output:
        console.print_json(facts)
    else:
        console.line(text)
