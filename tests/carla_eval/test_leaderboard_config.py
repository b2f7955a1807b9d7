"""The leaderboard agent's config: a bundle, or a YAML file; each mistake is one clear sentence."""

from __future__ import annotations

from pathlib import Path

import leaderboard_parts as parts
import pytest
from auxdrive.cards import InputRange, VehicleSpec
from auxdrive.errors import AuxdriveError, ConfigError
from auxdrive_eval.team_agent.config import LeaderboardConfig, leaderboard_config
from auxdrive_eval.team_agent.driver import TeamDriver, within_reach


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parts.chasing(tmp_path_factory.mktemp("bundles") / "bundle")


def test_a_bundle_is_a_config(bundle: Path) -> None:
    assert leaderboard_config(str(bundle)) == LeaderboardConfig(bundle=bundle)


def test_a_file_names_all(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "student").symlink_to(bundle)
    file = tmp_path / "agent.yaml"
    file.write_text(
        "bundle: student\ncontroller: pure_pursuit\ncreep_after_s: 30\nenvelope: hold\n"
        "runtime: onnxruntime\ndevice: cpu\nruntime_options: {spinning: false}\nprecision: fp32\n"
        "passed_m: 4.0\nmax_steer_deg: 40\n"
    )
    config = leaderboard_config(str(file))
    assert config.bundle == tmp_path / "student"
    assert (config.controller, config.fallback, config.max_steer_deg) == (
        "pure_pursuit", "hold", 40.0,
    )  # fmt: skip
    TeamDriver(config, parts.REAR_M).close()


def test_the_envelope_is_on_unless_it_is_none(bundle: Path) -> None:
    assert LeaderboardConfig(bundle=bundle).fallback == "slow_straight"
    assert LeaderboardConfig(bundle=bundle, envelope="none").fallback is None


def test_what_bench2drive_adds_is_left_out(bundle: Path, tmp_path: Path) -> None:
    plus = tmp_path / "a+b"
    plus.symlink_to(bundle)
    for path in (bundle, plus):
        assert leaderboard_config(
            f"{path}+RouteScenario_1_rep0_Town12+RouteScenario_2"
        ) == LeaderboardConfig(bundle=path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bundel: x", "unknown key 'bundel'. Did you mean 'bundle'?"),
        ("controller: pid", "bundle: is missing"),
        ("bundle: x\nenvelope: off", "envelope: must be 'stop', 'slow_straight', 'hold' or 'none'"),
        ("bundle: x\ncreep_after_s: -1\npassed_m: 0", "creep_after_s: .*passed_m: "),
        ("- bundle", "must hold a mapping"),
        ("bundle: nowhere", "nowhere: no such directory"),
        ("bundle: B\ncontroller: pd", "unknown controller 'pd'. Did you mean 'pid'?"),
        ("bundle: B\ncontroller: steering", "predicts waypoints: "),
        ("bundle: B\nprecision: int8", "int8"),
        ("bundle: B\nruntime: onnx", "unknown runtime 'onnx'. Did you mean 'onnxruntime'?"),
        ("bundle: B\nruntime_options: {spin: 1}", "unknown key 'spin'"),
        ("bundle: B\nkey: none.pem", r"B\.sig: there is no signature"),
    ],
)
def test_mistakes(bundle: Path, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "B").symlink_to(bundle)
    file = tmp_path / "agent.yaml"
    file.write_text(text)
    with pytest.raises(AuxdriveError, match=why.replace("?", r"\?")) as raised:
        TeamDriver(leaderboard_config(str(file)), parts.REAR_M)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", r"--agent-config \(nothing\): there is no such bundle"),
        (None, "there is no such bundle or YAML file"),
        ("no+where", r"no\+where: there is no such bundle"),
        (".", r"is no bundle, it has no card\.json"),
    ],
)
def test_no_config(path: str | None, why: str) -> None:
    with pytest.raises(AuxdriveError, match=why):
        leaderboard_config(path)


def test_a_file_without_its_bundle_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("bundle: [")
    with pytest.raises(ConfigError, match=r"agent\.yaml: is no YAML"):
        leaderboard_config(str(file))


def test_the_envelope_needs_a_wheelbase(tmp_path: Path) -> None:
    bundle = parts.steering(tmp_path / "bundle", vehicle=VehicleSpec())
    with pytest.raises(AuxdriveError, match=r"wheelbase.*'envelope: none'"):
        TeamDriver(LeaderboardConfig(bundle=bundle), parts.REAR_M)
    TeamDriver(LeaderboardConfig(bundle=bundle, envelope="none"), parts.REAR_M).close()


REACH = InputRange(low=(5.0, -30.0), high=(50.0, 20.0))


@pytest.mark.parametrize(
    ("target", "given"),
    [
        ((40.0, 10.0), (40.0, 10.0)),
        ((200.0, 40.0), (50.0, 10.0)),
        ((40.0, 40.0), (20.0, 20.0)),
        ((20.0, -60.0), (10.0, -30.0)),
        ((2.0, 0.0), (2.0, 0.0)),
        ((-200.0, 40.0), (-200.0, 40.0)),
    ],
)
def test_far_targets_come_nearer(target: tuple[float, float], given: tuple[float, float]) -> None:
    assert within_reach(target, REACH) == pytest.approx(given)
    assert within_reach(target, None) == target
    two = InputRange(low=REACH.low * 2, high=REACH.high * 2)
    assert within_reach((30.0, 0.0, *target), two) == pytest.approx((30.0, 0.0, *given))
    mirrored = InputRange(low=tuple(-x for x in REACH.high), high=tuple(-x for x in REACH.low))
    (x, y), (less_x, less_y) = target, given
    found = within_reach((-x, -y), mirrored, behind=True)
    assert found == pytest.approx((-less_x, -less_y)), "of a point that was passed likewise"
