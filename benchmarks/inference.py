"""Latency in ONNX Runtime against torchvision's ssdlite at the same input, and against PyTorch.

All weights are random: speed only, nothing here says how well anything detects. Run it on a quiet
machine:

    python benchmarks/inference.py --rounds 100 --out docs/results/inference.json
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
import torch
from interleaved import TimesMs, interleave, ratio, timing_rows
from numpy.typing import NDArray
from results import Finding, Results, publish
from ssdlite import SsdliteNetwork, SsdliteWhole, build_ssdlite, onnx_bytes

from edgedet.export.from_torch import onnx_from_torch
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.registry import build_model
from edgedet.models.ssd import Ssd
from edgedet.models.targets import Target
from edgedet.runtime import Detector, open_detector
from edgedet.runtime.environment import describe_environment, package_versions, usable_cores
from edgedet.runtime.synthetic_frames import synthetic_frames

Call = Callable[[], object]

CLASSES = ("unripe", "semi-ripe", "ripe")
VARIANTS = {
    "scale_aware_ssd paper": ("scale_aware_ssd", {"taps": "paper"}),
    "scale_aware_ssd code": ("scale_aware_ssd", {"taps": "code"}),
    "ssd_mobilenetv2": ("ssd_mobilenetv2", {}),
}
OURS = "scale_aware_ssd paper"
FRAMES_HW = {"1080p": (1080, 1920), "640x480": (480, 640)}
# About twenty objects, each found by three anchors.
CANDIDATES = 60
OBJECTS = 20
SSDLITE_NETWORK = "ssdlite: network, no decode, no NMS"
SSDLITE_WHOLE = "ssdlite: whole graph with its NMS"
EAGER = f"{OURS}: PyTorch eager, contiguous, float32"
MATCHER = f"{OURS}: matching one image of {OBJECTS} objects (training)"


def network_only(variant: str) -> str:
    """Return the contender that is comparable with `SSDLITE_NETWORK`."""
    return f"{variant}: network, no decode"


def exported(variant: str) -> str:
    """Return the contender that runs the exported file."""
    return f"{variant}: exported graph with decode and top-k"


def whole(variant: str) -> str:
    """Return the contender that is comparable with `SSDLITE_WHOLE`."""
    return f"{variant}: exported graph and NMS outside"


def frame_to_result(frame: str, dtype: str) -> str:
    """Return the contender that takes a camera's frame to detections."""
    return f"{OURS}: {frame} frame to result, {dtype} input"


def network_beside(frame: str, dtype: str) -> str:
    """Return the contender that `frame_to_result` is taken beyond: the same file, kept input."""
    return f"{OURS}: exported graph, {dtype} input kept from the {frame} frame"


def onnx_path(folder: Path, variant: str) -> Path:
    """Return where the exported file of a variant lies."""
    return folder / f"{variant.replace(' ', '_')}.onnx"


def session_call(graph: bytes, images: NDArray[np.float32], threads: int) -> Call:
    """Return one run of a plain graph, with the session options of our own backend."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"images": images})


def eager_call(model: Ssd, images: NDArray[np.float32]) -> Call:
    """Return one run of the plain module."""
    batch = torch.from_numpy(images)

    def call() -> object:
        with torch.inference_mode():
            return model(batch)

    return call


def matcher_call(model: Ssd) -> Call:
    """Return the matching and box coding of one image of twenty objects."""
    side = model.spec.size_hw[0]
    rng = np.random.RandomState(0)
    sides = rng.uniform(0.03, 0.15, (OBJECTS, 1)) * side
    corners = rng.uniform(0.0, 1.0, (OBJECTS, 2)) * (side - sides)
    boxes = torch.from_numpy(np.hstack([corners, corners + sides]).astype(np.float32))
    targets = [Target(boxes, torch.arange(OBJECTS) % len(CLASSES))]
    return lambda: model.criterion.assign(model.anchors_xyxy, targets)


def open_at_sixty(path: Path, frame: NDArray[np.uint8], threads: int) -> Detector:
    """Open a random network with the score threshold at which sixty candidates pass.

    Random scores lie close together: at a fixed threshold all or none would reach NMS.
    """
    with open_detector(path, threads=threads) as probe:
        batch, _ = probe.preprocess(frame)
        scores = probe.infer(batch)[1][0]
    return open_detector(
        path, conf=float(scores[min(CANDIDATES, len(scores)) - 1]), threads=threads
    )


def build(variant: str, side: int) -> Ssd:
    """Return the model in evaluation mode, with random weights."""
    name, options = VARIANTS[variant]
    torch.manual_seed(0)
    model = build_model(name, CLASSES, {**options, "imgsz": side})
    assert isinstance(model, Ssd)
    return model.eval()


def variant_calls(variant: str, folder: Path, side: int, threads: int) -> dict[str, Call]:
    """Return the calls of one of our models; its exported file stays in `folder`."""
    model, path = build(variant, side), onnx_path(folder, variant)
    onnx_from_torch(model, path)
    frame = synthetic_frames(1, (side, side))[0]
    detector = open_at_sixty(path, frame, threads)
    batch, placement = detector.preprocess(frame)
    return {
        network_only(variant): session_call(onnx_bytes(model, side), batch, threads),
        exported(variant): lambda: detector.infer(batch),
        whole(variant): lambda: detector.postprocess(detector.infer(batch), 0, placement),
    }


def frame_calls(path: Path, dtype: str, threads: int) -> dict[str, Call]:
    """Return frame to result at both frame sizes, each beside its network on a kept input."""
    calls: dict[str, Call] = {}
    for label, size_hw in FRAMES_HW.items():
        frame = synthetic_frames(1, size_hw)[0]
        detector = open_at_sixty(path, frame, threads)
        batch, _ = detector.preprocess(frame)
        calls[frame_to_result(label, dtype)] = partial(detector, frame)
        calls[network_beside(label, dtype)] = partial(detector.infer, batch)
    return calls


def all_calls(folder: Path, side: int, threads: int) -> dict[str, Call]:
    """Return every contender by its name."""
    calls: dict[str, Call] = {}
    for variant in VARIANTS:
        calls |= variant_calls(variant, folder, side, threads)
    path, uint8_path = onnx_path(folder, OURS), folder / "uint8.onnx"
    onnx.save(with_uint8_input(onnx.load(path)), uint8_path)
    calls |= frame_calls(path, "float32", threads) | frame_calls(uint8_path, "uint8", threads)
    images = np.random.RandomState(0).standard_normal((1, 3, side, side)).astype(np.float32)
    reference = build_ssdlite(len(CLASSES), side)
    for name, module in (
        (SSDLITE_NETWORK, SsdliteNetwork(reference)),
        (SSDLITE_WHOLE, SsdliteWhole(reference)),
    ):
        calls[name] = session_call(onnx_bytes(module, side), images, threads)
    model = build(OURS, side)
    return {**calls, EAGER: eager_call(model, images), MATCHER: matcher_call(model)}


def findings(times: TimesMs) -> list[Finding]:
    """Return what was aimed at: the issue's targets, and what they rest on."""
    found = [
        Finding(
            "paper taps / ssdlite, both networks without decode",
            ratio(times, network_only(OURS), SSDLITE_NETWORK),
            "x",
            target=1.0,
        ),
        Finding(
            "paper taps with decode and top-k / ssdlite without",
            ratio(times, exported(OURS), SSDLITE_NETWORK),
            "x",
        ),
        Finding(
            "paper taps / ssdlite, both to final detections",
            ratio(times, whole(OURS), SSDLITE_WHOLE),
            "x",
        ),
        Finding("matching one image", median(times[MATCHER]), "ms"),
    ]
    return found + [beyond_network(times, f, d) for f in FRAMES_HW for d in ("float32", "uint8")]


def beyond_network(times: TimesMs, frame: str, dtype: str) -> Finding:
    """Return what preprocessing and postprocessing add to the network, in percent."""
    added = ratio(times, frame_to_result(frame, dtype), network_beside(frame, dtype)) - 1.0
    target = 8.0 if frame == "1080p" else None
    return Finding(f"{frame} frame to result beyond the network, {dtype}", added * 100, "%", target)


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=5, help="rounds before the timed ones")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--imgsz", type=int, default=512, help="side of the networks' input")
    parser.add_argument("--out", type=Path, help="JSON file, such as docs/results/inference.json")
    options = parser.parse_args()
    environment = describe_environment(options.threads)
    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as folder:
        calls = all_calls(Path(folder), options.imgsz, options.threads)
        times = interleave(calls, options.rounds, options.warmup)
    references = {
        "ssdlite network": SSDLITE_NETWORK,
        "ssdlite whole": SSDLITE_WHOLE,
        "eager": EAGER,
    }
    settings = {key: value for key, value in vars(options).items() if key != "out"}
    environment = {**environment, "packages": package_versions()}
    rows = timing_rows(times, references)
    publish(Results("inference", settings, environment, rows, findings(times)), options.out)


if __name__ == "__main__":
    main()
