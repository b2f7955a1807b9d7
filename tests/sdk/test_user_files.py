"""Looking at, reading and writing a user's files: what is no file, what may not be touched, and
file systems that lack calls.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from auxdrive.bundles import Bundle
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import AuxdriveError, DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.storage import reading as files
from auxdrive.storage.arrays import map_npy
from auxdrive.storage.publish import as_the_umask_says, fsync_directory, write_atomic

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")


@pytest.fixture
def unprivileged(tmp_path: Path) -> Iterator[None]:
    """Rights count for root as well: the process acts as somebody else while the test runs."""
    if os.name != "posix":
        pytest.skip("needs POSIX")
    if os.geteuid() != 0:
        yield
        return
    os.chmod(tmp_path, 0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """A folder with things in it that nobody but root may enter."""
    folder = tmp_path / "locked"
    (folder / "inner").mkdir(parents=True)
    (folder / "file").write_bytes(b"x")
    folder.chmod(0)
    return folder


@posix
@pytest.mark.parametrize(
    "ask",
    [
        lambda folder: files.exists(folder / "file"),
        lambda folder: files.is_file(folder / "file"),
        lambda folder: files.is_folder(folder / "inner"),
        lambda folder: files.entries(folder),
        lambda folder: files.make_folder(folder / "new" / "one"),
        lambda folder: files.read_bytes(folder / "file", 10),
        lambda folder: files.check_regular(folder / "file"),
        lambda folder: write_atomic(folder / "file", b"y"),
        lambda folder: map_npy(folder / "file"),
        lambda folder: Dataset.open(folder),
        lambda folder: Dataset.open(folder / "inner"),
        lambda folder: Bundle.open(folder / "inner"),
        lambda folder: EpisodeReader(folder / "inner"),
        lambda folder: EpisodeWriter(folder, "drive", [Modality.RGB]),
    ],
)
def test_what_may_not_be_touched_is_an_error_of_ours(
    locked: Path, unprivileged: None, ask: Callable[[Path], object]
) -> None:
    with pytest.raises(AuxdriveError, match=r"locked.*Permission denied"):
        ask(locked)


@posix
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's path is short
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    for name, what in (
        ("pipe", "pipe"),
        ("socket", "socket"),
        ("/dev/zero", "device"),
        (".", "folder"),
    ):
        path = tmp_path / name
        for reader in (
            lambda p: files.read_bytes(p, 10),
            files.open_regular,
            files.check_regular,
            map_npy,
        ):
            with pytest.raises(DataError, match=f"is a {what}"):
                reader(path)
        assert not files.is_file(path)
    with pytest.raises(DataError, match="is a device"):
        write_atomic(Path("/dev/null"), b"x")


@posix
def test_a_file_that_becomes_a_pipe_after_the_look_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(files, "check_regular", lambda *_: None)
    with pytest.raises(DataError, match="is a pipe"):
        files.open_regular(tmp_path / "pipe")


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 11)
    with pytest.raises(DataError, match="larger than the limit of 10 bytes"):
        files.read_bytes(file, 10)
    assert files.read_bytes(file, 11) == b"x" * 11


@posix
def test_links_are_followed_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loop").symlink_to("loop")
    assert files.read_bytes(tmp_path / "link", 10) == b"x"
    with pytest.raises(DataError, match="symbolic link"):
        files.read_bytes(tmp_path / "link", 10, follow=False)
    assert not files.exists(tmp_path / "loop")


@pytest.mark.parametrize("name", ["n" * 300, "a\0b", "lone\ud800"])
def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    assert not files.exists(path)
    assert not files.is_folder(path)
    assert not files.is_file(path)
    for attempt in (
        lambda: files.read_bytes(path, 1),
        lambda: files.make_folder(path),
        lambda: write_atomic(path, b""),
    ):
        with pytest.raises(DataError):
            attempt()


@posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_the_umask_says_who_may_read(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_atomic(tmp_path / "file", b"x")
        write_atomic(tmp_path / "file", b"y")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@posix
def test_a_librarys_file_gets_the_rights_of_one_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(mode=0o600)
    before = os.umask(0o027)
    try:
        as_the_umask_says(file)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@posix
def test_where_there_are_no_rights_none_are_given(tmp_path: Path, poor_file_system: None) -> None:
    (tmp_path / "file").touch()
    as_the_umask_says(tmp_path / "file")


def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120 + ".html")
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.fixture
def poor_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT, exFAT, WSL's and network shares: no rights of files, and no fsync of folders."""
    fsync = os.fsync

    def no_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    def no_rights(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fsync", no_folders)
    monkeypatch.setattr(os, "chmod", no_rights)
    if sys.platform != "win32":
        monkeypatch.setattr(os, "fchmod", no_rights)


@posix
def test_a_poor_file_system_holds_data_sets(tmp_path: Path, poor_file_system: None) -> None:
    with EpisodeWriter(tmp_path, "drive", [Modality.RGB]) as writer:
        writer.append(
            {Modality.RGB: np.zeros((4, 6, 3), np.uint8)},
            {"time_s": 0.0, "steer_rad": 0.0, "throttle": 0.0, "brake": 0.0},
        )
    write_card(
        tmp_path,
        DatasetCard(
            name="d", rate_hz=10, modalities=(Modality.RGB,), camera=CameraSpec(width=6, height=4)
        ),
    )
    assert len(Dataset.open(tmp_path).episode("drive")) == 1


@posix
def test_a_disk_that_fails_is_still_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        fsync_directory(tmp_path)
    with pytest.raises(DataError, match="cannot write"):
        write_atomic(tmp_path / "file", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_header_of_numbers_that_cannot_be_written_out_is_refused(tmp_path: Path) -> None:
    digits = "9" * 4000
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({digits}, {digits})}}\n".encode()
    (tmp_path / "big.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    )
    with pytest.raises(DataError, match="extent that no array has"):
        map_npy(tmp_path / "big.npy")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    from auxdrive.storage.folders import held

    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file"), held(tmp_path / "file"):
        pass
