"""`auxdrive verify` says what it proves, what it passed over and what the user got wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import bundle_factory
import pytest
from auxdrive.checks.verify import verify_bundle
from forged_bundles import forge

Copy = Callable[[Path], Path]
Run = Callable[..., tuple[int, str, str]]


def test_verify_says_what_it_proves_and_holds_to_one_card(
    steering_bundle: Path, copy_of: Copy, run: Run
) -> None:
    digest = hashlib.sha256((steering_bundle / "card.json").read_bytes()).hexdigest()
    code, out, _ = run("verify", steering_bundle)
    assert code == 0
    assert f"SHA-256 of the card: {digest}" in out
    assert "not who wrote it" in out
    code, out, _ = run("verify", steering_bundle, "--expect-sha256", digest.upper())
    assert code == 0
    assert "the bundle whose card has the expected SHA-256" in out
    report = json.loads(run("verify", steering_bundle, "--json")[1])
    assert (report["card_sha256"], report["passed"]) == (digest, True)
    forged = forge(copy_of(steering_bundle), bundle_factory.model(1), name="forged")
    assert run("verify", forged)[0] == 0  # consistent with itself
    code, out, _ = run("verify", forged, "--expect-sha256", digest, "--json")
    assert code == 1
    assert "another bundle than expected" in json.loads(out)["checks"][0]["detail"]


@pytest.mark.parametrize(
    "wrong", [["--expect-sha256", "12"], ["--runtime", "nothing"], ["--device", "toaster"]]
)
def test_what_is_the_users_mistake(
    steering_bundle: Path, copy_of: Copy, run: Run, wrong: list[str]
) -> None:
    """Exit code 2, and not that of a failed check; also where the bundle is damaged."""
    assert run("verify", steering_bundle, *wrong)[0] == 2
    bundle = copy_of(steering_bundle)
    (bundle / "README.md").write_text("changed")
    assert run("verify", bundle, *wrong)[0] == 2
    assert run("verify", bundle.parent / "nothing")[0] == 2


def test_what_was_passed_over_is_said(steering_bundle: Path, copy_of: Copy, run: Run) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "reference/.DS_Store").write_bytes(b"\0")
    code, _, err = run("verify", bundle)
    assert code == 0
    assert "passed over and not read: reference/.DS_Store" in err
    assert verify_bundle(bundle).as_json()["passed_over"] == ("reference/.DS_Store",)
