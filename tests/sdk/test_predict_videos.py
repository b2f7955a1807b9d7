"""`auxdrive predict` of videos, and into one: times, turned and damaged files, memory, and what is
said without PyAV.
"""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from auxdrive.commands.predict import predict
from auxdrive.data.image_files import ImageFrame
from auxdrive.errors import AuxdriveError, DataError, UsageError
from PIL import Image

av = pytest.importorskip("av", reason="videos need the extra 'video'")
from auxdrive.data.video_files import read_video, written_video  # noqa: E402

RATE_HZ, COUNT = 10, 25


def frame(number: int) -> np.ndarray:
    """Grey that rises from frame to frame, with a red corner at the upper left."""
    image = np.full((24, 32, 3), 16 + 8 * number, np.uint8)
    image[:8, :8] = (255, 0, 0)
    return image


def write(path: Path, codec: str = "libx264", count: int = COUNT, rate: int = RATE_HZ) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number in range(count):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame(number), "rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("videos") / "drive.mp4")


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mpeg4"), ("a.webm", "libvpx-vp9")],
)
def test_frames_and_the_containers_times(tmp_path: Path, name: str, codec: str) -> None:
    frames = list(read_video(write(tmp_path / name, codec)))
    assert [each.frame for each in frames] == list(range(COUNT))
    assert [each.time_s for each in frames] == pytest.approx([n / RATE_HZ for n in range(COUNT)])
    for each in frames:
        np.testing.assert_allclose(each.image[2, 2], (255, 0, 0), atol=24)
        np.testing.assert_allclose(each.image[20, 20], 16 + 8 * each.frame, atol=12)


def test_times_of_a_variable_rate(tmp_path: Path) -> None:
    times_s = [0.0, 0.1, 0.5, 0.75, 2.0]
    for name in ("vfr.mp4", "vfr.mkv"):
        with written_video(tmp_path / name, RATE_HZ) as add:
            for number, time_s in enumerate(times_s):
                add(frame(number), time_s)
        found = [each.time_s for each in read_video(tmp_path / name)]
        assert found == pytest.approx(times_s, abs=1e-3)


IDENTITY = b"".join(n.to_bytes(4, "big") for n in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
MINUS_ONE = (1 << 32) - (1 << 16)


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        ((0, 1 << 16, 0, MINUS_ONE, 0), (slice(2, 3), slice(-3, None))),  # a quarter clockwise
        ((MINUS_ONE, 0, 0, 0, MINUS_ONE), (slice(-3, None), slice(-3, None))),
        ((0, MINUS_ONE, 0, 1 << 16, 0), (slice(-3, None), slice(2, 3))),
    ],
)
def test_a_turned_video_is_put_upright(
    video: Path, tmp_path: Path, matrix: tuple[int, ...], corner: tuple[slice, slice]
) -> None:
    """As phones write them: the frames lie, and the track's header says how they are shown."""
    data = video.read_bytes()
    place = data.index(IDENTITY, data.index(b"tkhd"))
    turned = b"".join(n.to_bytes(4, "big") for n in (*matrix, 0, 0, 0, 1 << 30))
    path = tmp_path / "turned.mp4"
    path.write_bytes(data[:place] + turned + data[place + len(IDENTITY) :])
    image = next(read_video(path)).image
    assert image.shape == ((24, 32, 3) if matrix[0] else (32, 24, 3))
    np.testing.assert_allclose(image[corner].reshape(-1, 3)[-1], (255, 0, 0), atol=12)


def broken(tmp_path: Path, video: Path) -> list[tuple[Path, int, str]]:
    """(file, how many whole frames are given, what is said)."""
    mkv, mp4 = write(tmp_path / "whole.mkv").read_bytes(), video.read_bytes()
    ends = len(mkv) * 2 // 3
    hurt = bytearray(mp4)
    begin = (hurt.index(b"mdat") + hurt.index(b"moov")) // 2
    hurt[begin : begin + 40] = bytes(40)
    sound = tmp_path / "sound.mkv"
    with av.open(str(sound), "w") as container:
        container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        silence.sample_rate = 8000
        container.mux(container.streams[0].encode(silence))
    made = [
        ("empty.mp4", b"", 0, "not a readable video"),
        ("text.avi", b"no video" * 99, 0, "not a readable video"),
        ("headless.mp4", mp4[: len(mp4) // 2], 0, "not a readable video"),
        (
            "cut.mkv",
            mkv[:ends],
            -1,
            r"is cut off: it ends after \d+ frames and 0\.\d0 s of the 2\.50 s",
        ),
        ("hurt.mp4", bytes(hurt), -1, r"is damaged after \d+ frame"),
        ("strange.mp4", mp4.replace(b"avc1", b"xxxx"), 0, "no coding that can be read"),
        ("list.mp4", f"ffconcat version 1.0\nfile {video}\n".encode(), 0, "not a readable video"),
        ("net.mp4", b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/\n", 0, "not a readable video"),
    ]
    for name, data, _, _ in made:
        (tmp_path / name).write_bytes(data)
    files = [(tmp_path / name, count, message) for name, _, count, message in made]
    return [*files, (sound, 0, "holds no video"), (tmp_path / "none.mp4", 0, "no such file")]


def test_files_that_are_no_whole_video(video: Path, tmp_path: Path) -> None:
    for path, count, message in broken(tmp_path, video):
        found: list[ImageFrame] = []
        with pytest.raises(AuxdriveError, match=message):
            found.extend(read_video(path))
        assert count < 0 or len(found) == count, path


def test_damaged_videos_raise_nothing_else(tmp_path: Path) -> None:
    fuzzer = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz" / "videos.py"
    command = [sys.executable, fuzzer, "--count", "400", "--out", tmp_path / "result.json"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    outcomes = json.loads((tmp_path / "result.json").read_text())["outcomes"]
    assert outcomes.keys() >= {"DataError", "read whole"}


def test_frames_beyond_any_camera_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=1)
        stream.width, stream.height, stream.pix_fmt = 8194, 16, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(8194, 16, "yuv420p")))
        container.mux(stream.encode())
    with pytest.raises(DataError, match=r"8194x16 pixels, and no camera has more than 8192"):
        next(read_video(path))


def test_what_came_before_the_damage_is_predicted(
    steering_bundle: Path, video: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.mkv"
    data = write(tmp_path / "whole.mkv").read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    whole: list[ImageFrame] = []
    with pytest.raises(DataError, match="is cut off"):
        whole.extend(read_video(cut))
    assert 0 < len(whole) < COUNT
    out, drawn = tmp_path / "o.jsonl", tmp_path / "drawn"
    with pytest.raises(
        DataError, match="1 of 2 files could not be used, the others were predicted"
    ):
        predict(steering_bundle, [video, cut], out=out, overlay=drawn)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(records) == COUNT + len(whole)
    assert records[3]["time_s"] == pytest.approx(0.3)
    assert len(list(drawn.glob("*.png"))) == COUNT + len(whole)
    assert (drawn / "drive-000024.png").exists()
    assert (drawn / f"cut-{len(whole) - 1:06d}.png").exists()


def test_a_video_of_predictions(steering_bundle: Path, video: Path, tmp_path: Path) -> None:
    """Frames keep their times; the next file follows one period after the last frame."""
    still = tmp_path / "still.png"
    Image.fromarray(frame(0)).save(still)
    film = tmp_path / "out.mp4"
    predict(steering_bundle, [video, still], overlay=film)
    frames = list(read_video(film))
    times_s = [n / RATE_HZ for n in range(COUNT)]
    assert [each.time_s for each in frames[:COUNT]] == pytest.approx(times_s, abs=1e-3)
    assert len(frames) == COUNT + 1
    assert (frames[-1].time_s or 0) - times_s[-1] == pytest.approx(0.1, abs=0.01)
    assert frames[0].image.shape[1] == 480  # the images of 32 pixels, enlarged
    predict(steering_bundle, [film], overlay=tmp_path / "again.mkv", resize=True)


def test_where_an_overlay_cannot_go(steering_bundle: Path, video: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    for place, message in [
        (tmp_path / "full", "is not empty"),
        (tmp_path / "a.gif", r"give a folder, or a video \(\.mp4 or \.mkv\)"),
        (tmp_path / "no" / "a.mp4", "there is no directory"),
        (tmp_path / "no" / "a", "there is no directory"),
    ]:
        with pytest.raises(UsageError, match=message):
            predict(steering_bundle, [video], overlay=place)
    with (
        pytest.raises(UsageError, match="videos are written as"),
        written_video(tmp_path / "a.avi", 10),
    ):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "av":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
from auxdrive.cli import main
main()
"""


@pytest.mark.parametrize("into_a_video", [False, True])
def test_without_pyav_the_install_command_is_named(
    steering_bundle: Path, video: Path, tmp_path: Path, into_a_video: bool
) -> None:
    still = tmp_path / "still.png"
    Image.fromarray(frame(0)).save(still)
    what = [still, "--overlay", tmp_path / "o.mp4"] if into_a_video else [video]
    command = [sys.executable, "-c", WITHOUT, "predict", str(steering_bundle), *map(str, what)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'auxdrive[video]'" in " ".join(done.stderr.split())
    assert not (tmp_path / "o.mp4").exists()


PEAK = """
import resource, sys
from pathlib import Path
from auxdrive.data.video_files import read_video
from auxdrive.commands.predict import predict
predict(Path(sys.argv[1]), [Path(sys.argv[2])], resize=True, out=Path(sys.argv[3]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def test_a_long_video_needs_no_more_memory(steering_bundle: Path, tmp_path: Path) -> None:
    """1,600 frames are 166 MB of pixels."""
    image = np.zeros((135, 256, 3), np.uint8)

    def peak_kb(count: int) -> int:
        path = tmp_path / f"{count}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=Fraction(30))
            stream.width, stream.height, stream.pix_fmt = 256, 134, "yuv420p"
            for _ in range(count):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image[:134], "rgb24")))
            container.mux(stream.encode())
        command = [sys.executable, "-c", PEAK, steering_bundle, path, tmp_path / f"{count}.csv"]
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True)
        return int(done.stderr.split()[-1])

    assert peak_kb(1600) - peak_kb(100) < 40_000
