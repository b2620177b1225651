"""What INT8 costs and gains: AP of FP32, FP16 and both INT8 forms, and the CPU's speed in turn.

The models go through the same gate as `edgedet export --int8`; then FP32 and the form for CPUs take
turns, the network alone on one image. Run it on a quiet machine:

    python benchmarks/int8.py --rounds 100 --out docs/results/int8.json \\
        --model pear640 pear640.onnx ../shared/data/det_pear640 \\
        --model bccd bccd.onnx ../shared/data/det_bccd
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from interleaved import TimesMs, interleave, ratio, timing_rows
from results import Finding, Results, publish

from edgedet.calibration.batches import ImageBatches
from edgedet.int8.accuracy import points_lost
from edgedet.int8.cpu import this_cpu
from edgedet.int8.report import FormReport, Int8Report
from edgedet.int8.request import Int8Request
from edgedet.int8.run import export_int8
from edgedet.int8.subject import opened_subject
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.environment import describe_environment, package_versions, usable_cores

MOST_LOST = 1.0
"""Points of AP."""
LEAST_SPEEDUP = 1.8
"""Times FP32, at 512 x 512 on a CPU with VNNI."""


def fp32(name: str) -> str:
    """Return the contender of the model as it was."""
    return f"{name}: FP32"


def int8(name: str) -> str:
    """Return the contender of its form for CPUs."""
    return f"{name}: INT8 for CPUs"


def times_of(name: str, report: Int8Report, options: argparse.Namespace) -> TimesMs:
    """Return the ms of the network alone, FP32 and INT8 in turn."""
    paths = {
        fp32(name): report.request.model,
        int8(name): next(form.path for form in report.forms if form.form == "cpu"),
    }
    subject = opened_subject(report.request)
    (batch,) = ImageBatches(subject.images[:1], subject.spec, subject.batch)
    backends = {
        each: OnnxRuntimeBackend(path, threads=options.threads)
        for each, path in paths.items()
        if path is not None
    }
    try:
        for backend in backends.values():
            backend.infer(batch)
        calls = {each: backend.run_only for each, backend in backends.items()}
        return interleave(calls, options.rounds, options.warmup)
    finally:
        for backend in backends.values():
            backend.close()


def accuracy_of(report: Int8Report) -> dict[str, Any]:
    """Return AP in [0, 1] of each precision, what stayed in float, and what of the loss is chance,
    in points.
    """
    forms = {
        form.form: {
            **asdict(form.accuracy),
            "chance_points": asdict(form.chance),
            "layers": form.layers,
            "float_layers": list(form.float_layers),
        }
        for form in report.forms
    }
    return {
        "method": report.method,
        "images": report.images,
        "objects": dict(report.gate.objects),
        "fp32": asdict(report.gate.reference),
        "fp16": asdict(report.half),
        **forms,
    }


def findings(name: str, report: Int8Report, times: TimesMs) -> list[Finding]:
    """Return what was aimed at."""
    speedup = 1 / ratio(times, int8(name), fp32(name))
    found = [
        Finding(f"{name}: speed of {form.form}", speedup, "x", LEAST_SPEEDUP, False)
        for form in report.forms
        if form.form == "cpu"
    ]
    return [_loss(name, report, form) for form in report.forms] + found


def _loss(name: str, report: Int8Report, form: FormReport) -> Finding:
    lost = points_lost(report.gate.reference.ap, form.accuracy.ap)
    told = f"{name}: AP lost by {form.form}, {len(form.float_layers)} layers in float"
    return Finding(told, lost, "points", MOST_LOST)


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    told = ("NAME", "ONNX", "DATA")
    parser.add_argument("--model", nargs=3, action="append", required=True, metavar=told)
    parser.add_argument("--images", type=int, default=128, help="to calibrate on")
    parser.add_argument("--max-drop", type=float, default=MOST_LOST, help="points of AP")
    parser.add_argument("--method", default="auto")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--warmup", type=int, default=5, help="rounds before the timed ones")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--out", type=Path, help="JSON file, such as docs/results/int8.json")
    parser.add_argument("--reports", type=Path, help="folder to keep the INT8 reports in")
    options = parser.parse_args()
    environment = describe_environment(options.threads)
    rows: list[dict[str, Any]] = []
    found: list[Finding] = []
    details: dict[str, Any] = {"cpu": asdict(this_cpu())}
    with TemporaryDirectory() as temporary:
        for name, model, data in options.model:
            out = (options.reports or Path(temporary)) / name
            out.mkdir(parents=True, exist_ok=True)
            bounds = {"max_drop": options.max_drop, "max_drop_smallest": 2 * options.max_drop}
            kept = {"images": options.images, "method": options.method, **bounds}
            report = export_int8(Int8Request(Path(model), data, out, **kept))
            times = times_of(name, report, options)
            rows += timing_rows(times, {"FP32": fp32(name)})
            found += findings(name, report, times)
            details[name] = accuracy_of(report)
    settings = {key: value for key, value in vars(options).items() if key not in ("out", "reports")}
    environment = {**environment, "packages": package_versions()}
    publish(Results("int8", settings, environment, rows, found, details), options.out)


if __name__ == "__main__":
    main()
