"""What an agent consists of: every file, whatever its name, or the fingerprint that it states."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from auxdrive.errors import UsageError
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.fingerprint import fingerprint, hash_files, names_of_files
from auxdrive_eval.driving.agents.remote import RemoteAgent
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.driving.route_worker import MakeRouteWorker
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity, identify, read_driver
from auxdrive_eval.route import Route
from small_world import SETTINGS
from strange_agents import agent_folder, install

NAMES = (
    "a.pth",
    "b.pt",
    "c.ckpt",
    "d.bin",
    "e.npz",
    "f.py",
    "g.txt",
    "h.safetensors",
    "noending",
    "nets/deep/i.pkl",
    ".hidden",
    ".cache/torch/w",
    ".gitweights",
)


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """An agent with its weights in many forms, some of them linked."""
    folder = tmp_path / "agent"
    (folder / "nets/deep").mkdir(parents=True)
    (folder / ".cache/torch").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/weights").write_bytes(b"w")
    for name in NAMES:
        (folder / name).write_bytes(b"0")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "linked.pth").symlink_to(tmp_path / "elsewhere/weights")
    return folder


def write(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"1")


CHANGES: dict[str, Callable[[Path], object]] = {
    **{name: write(name) for name in NAMES},
    "linked/weights": write("linked/weights"),
    "a new file": write("new"),
    "a new file in a linked folder": write("linked/new"),
    "one file less": lambda folder: (folder / "d.bin").unlink(),
    "another name": lambda folder: (folder / "d.bin").rename(folder / "z.bin"),
    "a link elsewhere": lambda folder: (
        (folder / "linked.pth").unlink(),
        (folder / "linked.pth").symlink_to(folder / "a.pth"),
    ),
    "a link that leads nowhere": lambda folder: (folder.parent / "elsewhere/weights").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_part_of_an_agent_goes_unseen(change: str, agent: Path) -> None:
    before = fingerprint(hash_files(agent))
    assert fingerprint(hash_files(agent)) == before
    CHANGES[change](agent)
    assert fingerprint(hash_files(agent)) != before


def test_what_desktops_and_python_leave_is_no_part(agent: Path) -> None:
    before = hash_files(agent)
    (agent / "nets/__pycache__").mkdir()
    (agent / ".git").mkdir()
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "._a.pth",
        ".git/HEAD",
        "nets/__pycache__/f.cpython-311.pyc",
    ):
        (agent / name).write_bytes(b"x")
    assert hash_files(agent) == before
    (agent / "card.json").touch()  # a bundle never reads what download tools keep beside it
    before = hash_files(agent)
    (agent / ".cache/torch/w").write_bytes(b"1")
    assert hash_files(agent) == before


def test_a_measurement_that_is_kept_with_a_bundle_is_no_part(agent: Path) -> None:
    (agent / "card.json").touch()
    before = hash_files(agent)
    (agent / "bench").mkdir()
    (agent / "bench/a-processor.json").write_text("{}")
    assert hash_files(agent) == before
    (agent / "card.json").unlink()
    assert "bench/a-processor.json" in hash_files(agent), "an agent's own folder of that name"


def test_links_in_circles_and_crosses_end(agent: Path) -> None:
    (agent / "nets/up").symlink_to(agent)
    (agent / "nets/self").symlink_to(agent / "nets/self")
    level = agent / "level"
    for depth in range(30):  # 2^30 ways from the top to the bottom
        level.mkdir()
        (level / "file").write_text(str(depth))
        below = agent / f"level{depth}"
        for name in ("left", "right"):
            (level / name).symlink_to(below)
        level = below
    hashes = hash_files(agent)
    assert len(hashes) < 120
    assert hashes["nets/up"] == "the folder ."
    assert hashes["nets/self"].startswith("a link that leads nowhere")
    assert set(hashes) == names_of_files(agent)


def test_deep_folders_pipes_and_large_files_do_no_harm(tmp_path: Path) -> None:
    folder = tmp_path
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(200):
            os.mkdir("d" * 8, dir_fd=here)
            deeper = os.open("d" * 8, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
    finally:
        os.close(here)
    os.mkfifo(folder / "pipe")
    with (folder / "large").open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    hashes = hash_files(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert hashes["pipe"] == "no regular file"
    assert peak < 16 << 20


def test_a_single_file_is_hashed_and_too_many_are_refused(
    agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(hash_files(agent / "a.pth")) == ["a.pth"]
    assert "linked/weights" not in hash_files(agent, agent.parent / "elsewhere")
    monkeypatch.setattr("auxdrive_eval.driving.agents.fingerprint.MOST_FILES", 5)
    with pytest.raises(UsageError, match="holds more than 5 files"):
        hash_files(agent)


def test_changes_are_named() -> None:
    before = DriverIdentity(sha256="1", files={"a": "1", "b": "1", "c": "1"})
    now = DriverIdentity(sha256="2", files={"b": "2", "c": "1", "d": "1"})
    assert before.changes(now) == "the agent is another one: b changed, d is new, a is gone"
    assert before.changes(before) == ""
    many = DriverIdentity(sha256="3", files={str(n): "1" for n in range(9)})
    assert before.changes(many).endswith("4 is new and 7 more")
    assert (
        DriverIdentity(sha256="a").changes(DriverIdentity(sha256="b"))
        == "the agent is another one: it says another fingerprint"
    )


def test_an_agent_that_says_its_fingerprint_is_believed(
    short_routes: tuple[Route, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    folder = agent_folder(tmp_path, "goal")
    (folder / "fingerprint.txt").write_text("weights of Monday")
    source, out = DriverSource(AgentSource(folder)), tmp_path / "out"
    drive_all(short_routes[:1], source, SETTINGS, out)
    (folder / "notes").touch()
    drive_all(short_routes[:1], source, SETTINGS, out, resume=True)
    for said in ("weights of Tuesday", ""):
        (folder / "fingerprint.txt").write_text(said)
        with pytest.raises(UsageError, match="the agent is another one: "):
            drive_all(short_routes[:1], source, SETTINGS, out, resume=True)
    drive_all(
        short_routes[:1], source, SETTINGS, tmp_path / "all files", resume=True
    )  # an empty one says nothing
    assert "agent.txt" in read_driver(tmp_path / "all files").files


def test_an_agent_that_becomes_another_while_it_is_driven_is_told_of_once(
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    folder = agent_folder(tmp_path, "goal")
    for name in ("weights", "same"):
        (folder / name).write_bytes(b"1")
    source, out = DriverSource(AgentSource(folder)), tmp_path / "out"

    def change(*_: object) -> None:
        (folder / "weights").write_bytes(b"2")
        (folder / "same").write_bytes(b"1")

    drive_all(short_routes, source, SETTINGS, out, on_route=change)
    said = caplog.text
    assert said.count("weights of the agent changed while route 1 was driven") == 1
    assert "same" not in said
    with pytest.raises(UsageError, match="the agent is another one: weights changed"):
        drive_all(short_routes, source, SETTINGS, out, resume=True)


def test_results_inside_the_agents_folder_are_no_part_of_it(agent: Path) -> None:
    out = agent / "drives/agent"
    before = identify(AgentSource(agent), None, (), out, DriverIdentity())
    out.mkdir(parents=True)
    (out / "results.json").touch()
    assert identify(AgentSource(agent), None, (), out, before) == before
    assert before.with_new_files(AgentSource(agent), out) == before
    (agent / "log.txt").touch()
    grown = before.with_new_files(AgentSource(agent), out)
    assert grown.made_while_driving == ("log.txt",)
    assert identify(AgentSource(agent), None, (), out, grown).sha256 == before.sha256
    assert identify(AgentSource(agent), None, (), out, before).sha256 != before.sha256


def test_another_machine_must_have_the_same_agent_and_be_able_to_set_it_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    folder = agent_folder(tmp_path, "goal")
    source = DriverSource(AgentSource(folder))
    with closing(RemoteAgent(AgentSource(folder), source.limits)) as agent:
        described = agent.description
    make = MakeRouteWorker(
        MakeDriver(source, described, expected=hash_files(folder)), SETTINGS, "1.0"
    )
    make.check_machine()
    (folder / "fingerprint.txt").write_text("another")  # no file of the evaluation's agent
    with pytest.raises(UsageError, match="cannot be set up: it is not the agent that the eval"):
        make.check_machine()
    (folder / "agent.txt").write_text("reset")
    with pytest.raises(UsageError, match=r"is another agent than here: agent\.txt differ"):
        make.check_machine()
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="no such bundle or run"):
        make.check_machine()
