"""Bundles for the tests of the SDK: written once per session, copied where a test changes them."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from auxdrive import cli, make_signing_key, sign_bundle

sys.path.insert(0, str(Path(__file__).parent))  # for bundle_factory; tests are no package

import bundle_factory
from looping import ours


@pytest.fixture(scope="session")
def steering_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(tmp_path_factory.mktemp("bundles") / "steering")


@pytest.fixture(scope="session")
def waypoint_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(
        tmp_path_factory.mktemp("bundles") / "waypoints", "waypoints"
    )


@pytest.fixture(scope="session")
def private_pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private key for signing bundles; its public half is `public_pem`."""
    private = tmp_path_factory.mktemp("keys") / "release.pem"
    make_signing_key(private)
    return private


@pytest.fixture(scope="session")
def public_pem(private_pem: Path) -> Path:
    return private_pem.with_name("release.pub.pem")


@pytest.fixture
def signed(steering_bundle: Path, private_pem: Path, tmp_path: Path) -> Path:
    """A signed bundle that the test may damage."""
    bundle = Path(shutil.copytree(steering_bundle, tmp_path / "signed" / "bundle"))
    sign_bundle(bundle, private_pem)
    return bundle


@pytest.fixture
def copy_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A copy of a bundle that the test may damage."""

    def copy(bundle: Path) -> Path:
        return Path(shutil.copytree(bundle, tmp_path / "copy"))

    return copy


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """`auxdrive ...` in this process: exit code, and what stands on standard output and error,
    native code's words included.
    """

    def command(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr("sys.argv", ["auxdrive", *map(str, words)])
        try:
            cli.main()
        except SystemExit as end:
            return (int(end.code or 0), *capfd.readouterr())
        return (0, *capfd.readouterr())

    return command


@pytest.fixture
def no_thread_stays() -> Iterator[None]:
    """No thread of a loop is left when its `run` has returned."""
    yield
    assert ours() == []


@pytest.fixture
def threads_end() -> Iterator[None]:
    """The threads of a loop end; what a test let go of may take a moment."""
    yield
    ends_s = time.monotonic() + 10
    while ours() and time.monotonic() < ends_s:
        time.sleep(0.005)
    assert ours() == []
