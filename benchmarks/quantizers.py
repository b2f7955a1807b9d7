"""Which quantiser suits: auxdrive's own, onnxruntime.quantization and NNCF, each on the same
students, calibrated on the same frames and judged on the same held-out ones.

    pip install nncf
    python benchmarks/quantizers.py RUN... [--calibrate 128] [--calls 200] [--out FILE]

RUN is a folder that `auxdrive train` wrote, whose data set is at hand. Of each graph: the worst and
the mean difference from float32, the steering accuracy that is lost, p50 and p99 of a call in
ONNX Runtime and OpenVINO on one thread (in turn with float32 in the same process), whether
TensorRT-RTX builds an engine of it, whether the vehicle's reader takes it, and whether a second run
gives the same bytes. The result goes to benchmarks/results/quantizers.json.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np
import onnx
from auxdrive.bundles import IMAGE_INPUT
from auxdrive.cards import TensorSpec
from auxdrive.checks.graph_reader import read_graph
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import AuxdriveError
from auxdrive.loading import one_frame
from auxdrive.runtimes import open_session
from auxdrive.runtimes.onnx_runtime import import_onnxruntime
from auxdrive.runtimes.tensorrt.building import build_engine
from auxdrive_deploy.card_making import inputs_of
from auxdrive_deploy.precisions.frames import Frames, calibration_frames, held_out_frames
from auxdrive_deploy.precisions.gates import gates_of
from auxdrive_deploy.precisions.int8 import to_int8
from auxdrive_deploy.precisions.judging import judge
from auxdrive_deploy.precisions.student import Student
from auxdrive_deploy.reference import read_reference
from auxdrive_deploy.student_graph import scrub, student_of, to_onnx
from auxdrive_train import load_run
from record import RESULTS, write_result

Quantise = Callable[[Student], bytes]
OPERATORS = ["Conv", "Add", "MaxPool", "Gemm", "MatMul", "Relu"]


def main() -> None:
    """Measure every quantiser on every run and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--calibrate", type=int, default=128)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--out", type=Path, default=RESULTS / "quantizers.json")
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    for path in arguments.runs:
        student = student_in(path, arguments.calibrate)
        graphs: dict[str, bytes] = {"float32": student.model}
        rows: dict[str, dict[str, Any]] = {"float32": {"bytes": len(student.model)}}
        for name, quantise in QUANTISERS.items():
            begin = perf_counter()
            try:
                graphs[name] = quantise(student)
            except Exception as error:  # noqa: BLE001 - whatever a package raises is a finding
                rows[name] = {"failed": f"{type(error).__name__}: {error}"[:300]}
                continue
            rows[name] = {"seconds": perf_counter() - begin, **judged(student, graphs[name])}
            rows[name]["same bytes again"] = quantise(student) == graphs[name]
            rows[name]["maps"] = maps_of(graphs[name])
        for runtime in ("onnxruntime", "openvino"):
            for name, times in timed(student, graphs, runtime, arguments.calls).items():
                rows[name][f"{runtime} p50, p99 ms"] = times
        found[path.name] = {
            "task": student.task.name,
            "calibration frames": len(student.calibration),
            "held-out frames": len(student.held_out),
            "quantisers": rows,
        }
        for name, row in rows.items():
            print(path.name, name, row)
    write_result(arguments.out, {"students": found})


def maps_of(model: bytes) -> dict[str, int]:
    """How many maps have which type and zero point.

    Args:
        model: the graph in int8.
    """
    graph = onnx.load_from_string(model).graph
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    zeros = [stored[node.input[2]] for node in graph.node if node.op_type == "QuantizeLinear"]
    return dict(Counter(f"{zero.dtype.name}, {int(zero.reshape(-1)[0])}" for zero in zeros))


def student_in(path: Path, calibrate: int) -> Student:
    """A run's student with the frames that calibrate and judge it.

    Args:
        path: the run's folder.
        calibrate: how many frames.
    """
    run = load_run(path)
    reference = read_reference(run)
    height, width = reference.images.shape[1:3]
    return Student(
        model=to_onnx(student_of(run), run.task, height, width),
        task=run.task,
        steering=run.card.steering,
        inputs=inputs_of(run),
        reference=reference,
        calibration=calibration_frames(run, calibrate),
        held_out=held_out_frames(run, run.folder.result()),
        gates=gates_of(run.task.spec, {}),
    )


def own(student: Student) -> bytes:
    """auxdrive's."""
    return to_int8(student.model, student.graph.heavy(), student.ranges)


def feeds(student: Student, frames: Frames) -> Iterator[dict[str, Any]]:
    """Frames as ONNX Runtime takes them."""
    layout = EgoLayout(spec.name for spec in student.inputs if spec.name != IMAGE_INPUT)
    for image, ego in zip(frames.images, frames.ego, strict=True):
        yield {
            IMAGE_INPUT: image[None],
            **{name: ego[None, columns] for name, columns in layout.columns.items()},
        }


def outside(student: Student) -> list[str]:
    """The names of the nodes around the network's body: the preparation of the image, and what
    follows the last heavy layer and its activation.
    """
    heavy = set(student.graph.heavy())
    nodes = student.graph.nodes
    places = [place for place, node in enumerate(nodes) if node.output[0] in heavy]
    return [
        node.name for place, node in enumerate(nodes) if not places[0] <= place <= places[-1] + 2
    ]


def onnxruntime_quantiser(**options: Any) -> Quantise:
    """onnxruntime.quantization with these options of `quantize_static`."""

    def quantise(student: Student) -> bytes:
        import_onnxruntime()
        package = import_module("onnxruntime.quantization")
        kinds = {
            name: getattr(package.QuantType, options[name])
            for name in ("activation_type", "weight_type")
        }

        class Reader(package.CalibrationDataReader):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                self.frames = feeds(student, student.calibration)

            def get_next(self) -> dict[str, Any] | None:
                return next(self.frames, None)

        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder) / "given.onnx", Path(folder) / "made.onnx"
            given.write_bytes(student.model)
            package.quantize_static(
                str(given),
                str(made),
                Reader(),
                quant_format=package.QuantFormat.QDQ,
                op_types_to_quantize=OPERATORS,
                per_channel=True,
                nodes_to_exclude=outside(student),
                extra_options=options["extra"],
                **kinds,
            )
            return scrubbed(onnx.load(str(made)))

    return quantise


def nncf_quantiser(student: Student) -> bytes:
    """NNCF's `quantize`, symmetric ("performance"), which corrects biases too. It refuses to have
    all maps signed.
    """
    nncf = import_module("nncf")
    made = nncf.quantize(
        onnx.load_from_string(student.model),
        nncf.Dataset(list(feeds(student, student.calibration))),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        subset_size=len(student.calibration),
        ignored_scope=nncf.IgnoredScope(names=outside(student), validate=False),
    )
    return scrubbed(made)


def scrubbed(model: Any) -> bytes:
    """The bytes of a model without the notes that quantisers leave in it."""
    scrub(model)
    return cast(bytes, model.SerializeToString(deterministic=True))


QUANTISERS: Mapping[str, Quantise] = {
    "auxdrive": own,
    "onnxruntime.quantization, symmetric int8": onnxruntime_quantiser(
        activation_type="QInt8",
        weight_type="QInt8",
        extra={"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False},
    ),
    "onnxruntime.quantization, asymmetric uint8": onnxruntime_quantiser(
        activation_type="QUInt8", weight_type="QInt8", extra={}
    ),
    "NNCF": nncf_quantiser,
}


def judged(student: Student, model: bytes) -> dict[str, Any]:
    """What is said of a graph beside its times.

    Args:
        student: in float32.
        model: the graph in int8.
    """
    row: dict[str, Any] = {"bytes": len(model)}
    gates = judge(student, model).gates
    row |= {f"{gate.name}, {gate.unit}".rstrip(", "): gate.value for gate in gates}
    try:
        read_graph(model)
        row["vehicle's reader"] = "takes it"
    except AuxdriveError as error:
        row["vehicle's reader"] = str(error)[:160]
    trt = import_module("tensorrt_rtx")
    try:
        inputs, outputs = one_frame(student.inputs), one_frame([student.task.output])
        build_engine(trt, model, inputs, outputs, targets=("SM86",))
        row["TensorRT-RTX"] = "builds an engine"
    except AuxdriveError as error:
        row["TensorRT-RTX"] = str(error)[:160]
    return row


def timed(
    student: Student, graphs: Mapping[str, bytes], runtime: str, calls: int
) -> dict[str, tuple[float, float]]:
    """p50 and p99 of a call in milliseconds, by the graph's name; the graphs take turns.

    Args:
        student: whose inputs they have.
        graphs: by name.
        runtime: that runs them.
        calls: of each graph.
    """
    outputs: list[TensorSpec] = [student.task.output]
    sessions = {
        name: open_session(runtime, graph, one_frame(student.inputs), one_frame(outputs))
        for name, graph in graphs.items()
    }
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for turn in range(calls + 5):
        for name, session in sessions.items():
            session.inputs[IMAGE_INPUT][0] = student.reference.images[turn % 8]
            begin = perf_counter()
            session.run()
            if turn >= 5:
                times[name].append(perf_counter() - begin)
    for session in sessions.values():
        session.close()
    return {
        name: cast(
            tuple[float, float], tuple(float(x) for x in np.quantile(each, (0.5, 0.99)) * 1e3)
        )
        for name, each in times.items()
    }


if __name__ == "__main__":
    main()
