"""One small fixed run of everything, and the SHA-256 of what came out: whether a rebuild changes
any number.

    python benchmarks/fixed_run.py DIR [--result FILE] [--against FILE]

Collects 1,000 frames; trains baseline, SAMD, UMT and DMCL for 2 epochs on waypoints and on
steering; exports; predicts; drives 3 routes with a student that was exported and with one that was
not. Everything on one thread. DIR may hold an unfinished or finished run of it. With --against,
what differs from an earlier result is listed, and the exit code is then 1. Times, versions and
paths are left out of what is hashed: they are no numbers of auxdrive's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors.numpy
from onnx import numpy_helper
from PIL import Image
from record import write_result

AUXDRIVE = (sys.executable, "-c", "from auxdrive.cli import main; main()")
METHODS: dict[str, tuple[str, ...]] = {
    "baseline": (),
    "samd": ("--aux", "depth,lidar", "--set", "options.epochs_per_round=1"),
    "umt": ("--aux", "depth,lidar", "--set", "options.probe_epochs=1"),
    "dmcl": ("--aux", "depth,lidar"),
}
COMMON = (
    "--seed",
    "3",
    "--epochs",
    "2",
    "--set",
    "threads=1",
    "--set",
    "batch_size=16",
    "--set",
    "evaluate=[test]",
)
TASKS: dict[str, dict[str, str]] = {
    # Each recipe's setting is given, so that another recipe changes no digest.
    "waypoints": {
        "backbone": "pilotnet_bn",
        "lr": "0.001",
        "preprocessing.crop_top": "0",
        "preprocessing.size": "[66,200]",
        "balance.rest_every": "1",
        "balance.turn_repeat": "1",
        "augment.mirror": "0.5",
        "augment.speed_noise": "0",
    },
    "steering": {"backbone": "pilotnet"},
}
DRIVEN = (
    ("waypoints", "baseline", "student"),
    ("waypoints", "samd", "teacher"),
    ("steering", "baseline", "student"),
)
WITHOUT = frozenset(
    {
        "duration_system",
        "latency_ms",
        "trained_s",
        "seconds",
        "samples_per_s",
        "wait_share",
        "path",
        "commit",
        "time",
        "wall_s",
    }
)
FORMER_KEYS = {"role": "view"}
"""Keys of records that had another name when the first result was kept: a name is no number."""


def main() -> None:
    """Run what is not there yet, hash all of it, and compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--result", type=Path)
    parser.add_argument("--against", type=Path)
    arguments = parser.parse_args()
    found = run_all(arguments.out)
    if arguments.result is not None:
        write_result(arguments.result, {"sha256": found})
    print(json.dumps(found, indent=2))
    if arguments.against is not None:
        before = json.loads(arguments.against.read_text())["sha256"]
        different = sorted(
            name for name in before.keys() | found.keys() if before.get(name) != found.get(name)
        )
        same = sum(found.get(name) == digest for name, digest in before.items())
        print(f"{same} of {len(before)} the same; different: {different or 'none'}")
        sys.exit(1 if different else 0)


def run_all(out: Path) -> dict[str, str]:
    """Name of what came out -> SHA-256 of its numbers."""
    data = out / "data"
    once(
        data,
        "collect",
        "--frames",
        "1000",
        "--size",
        "128x72",
        "--seed",
        "3",
        "--max-episode-s",
        "30",
        "--workers",
        "2",
        "--traffic",
        "10",
    )
    found = {
        f"data {path.parent.name}/{path.name}": file_sha(path)
        for path in sorted(data.glob("episodes/*/*.npy"))
    }
    images = stored_images(data, out / "images")
    for task, settings in TASKS.items():
        fixed = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        for method, options in METHODS.items():
            name, run = f"{task}/{method}", out / "runs" / task / method
            how = ("--data", str(data), "--task", task, "--method", method, *fixed)
            once(run, "train", *how, *options, *COMMON)
            found |= run_digests(name, run)
            bundle = out / "bundles" / task / method
            # the out-of-distribution score came later: without it the graph is what it was
            once(bundle, "export", str(run), "--no-ood", "--name", f"fixed-{method}")
            found[f"bundle {name} model"] = graph_sha(bundle / "model.onnx")
            inputs = ("--speed", "4.5", "--target", "9,2") if task == "waypoints" else ()
            predicted = printed("predict", str(bundle), str(images), *inputs)
            found[f"predictions {name}"] = json_sha(predicted)
    for task, method, role in DRIVEN:
        drive = out / "drives" / f"{task}-{method}-{role}"
        source = out / ("bundles" if role == "student" else "runs") / task / method
        once(
            drive,
            "drive",
            str(source),
            "--role",
            role,
            "--route-seeds",
            "1000-1002",
            "--traffic",
            "10",
            "--workers",
            "2",
        )
        found[f"scores {drive.name}"] = json_sha(
            json.loads((drive / "results.json").read_text())["_checkpoint"]
        )
        for trace in sorted(drive.glob("routes/*/trace.npy")):
            found[f"trace {drive.name} {trace.parent.name}"] = file_sha(trace)
    return found


def once(folder: Path, command: str, *arguments: str) -> None:
    """Run a command that fills a folder, unless it has filled it."""
    mark = folder.with_name(f".{folder.name}.done")
    if mark.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    printed(command, *arguments, "--out", str(folder))
    mark.touch()


def printed(command: str, *arguments: str) -> Any:
    """What a command prints with --json."""
    print("auxdrive", command, *arguments, file=sys.stderr)
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(
        [*AUXDRIVE, command, *arguments, "--json"], stdout=subprocess.PIPE, env=quiet, check=True
    )
    return json.loads(finished.stdout)


def stored_images(data: Path, out: Path) -> Path:
    """Every tenth recorded frame as a PNG file."""
    out.mkdir(exist_ok=True)
    frames = np.concatenate([np.load(path) for path in sorted(data.glob("episodes/*/rgb.npy"))])
    for index in range(0, len(frames), 10):
        Image.fromarray(frames[index]).save(out / f"{index:05d}.png")
    return out


def run_digests(name: str, run: Path) -> dict[str, str]:
    """Of a run: its weights, without their names, its epochs and its result."""
    weights = safetensors.numpy.load_file(run / "checkpoints" / "best.safetensors")
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    metrics = json.loads((run / "result.json").read_text())
    return {
        f"weights {name}": text_sha(
            "\n".join(sorted(array_sha(array) for array in weights.values()))
        ),
        f"epochs {name}": json_sha(epochs),
        f"metrics {name}": json_sha({key: metrics[key] for key in ("metrics", "floor", "phases")}),
    }


def graph_sha(path: Path) -> str:
    """Of an exported graph: its operators in order, and its weights, without the names that the
    exporter gives.
    """
    graph = onnx.load(path).graph
    weights = sorted(array_sha(numpy_helper.to_array(tensor)) for tensor in graph.initializer)
    return text_sha("\n".join([*(node.op_type for node in graph.node), *weights]))


def json_sha(value: Any) -> str:
    """Of the numbers and texts of a JSON document, in the order of its keys."""
    return text_sha(json.dumps(kept(value), sort_keys=True))


def kept(value: Any) -> Any:
    """The document without times, versions and paths."""
    if isinstance(value, dict):
        return {
            FORMER_KEYS.get(key, key): kept(item)
            for key, item in value.items()
            if key not in WITHOUT and not key.endswith("_per_s")
        }
    if isinstance(value, list):
        return [kept(item) for item in value]
    return Path(value).name if isinstance(value, str) and os.sep in value else value


def file_sha(path: Path) -> str:
    """Of an .npy file's array."""
    return array_sha(np.load(path, allow_pickle=False))


def array_sha(array: np.ndarray[Any, Any]) -> str:
    """Of type, shape and bytes."""
    return hashlib.sha256(
        f"{array.dtype.descr} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    ).hexdigest()


def text_sha(text: str) -> str:
    """Of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
