"""How fast the detectors of a table are here, one image at a time, beside the printed figures."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from edgedet.experiments.campaign import Entry
from edgedet.experiments.origin import origin
from edgedet.experiments.scene import Scene
from edgedet.experiments.sheet import NOTHING, Sheet
from edgedet.experiments.trial import Bench
from edgedet.experiments.variant import Variant
from edgedet.models.backend import TorchBackend
from edgedet.models.protocol import DetectionModel
from edgedet.published import published_table
from edgedet.runtime.bench import measure
from edgedet.runtime.detector import Detector, thresholds_for
from edgedet.runtime.environment import describe_environment
from edgedet.runtime.errors import EdgedetError
from edgedet.runtime.synthetic_frames import synthetic_frames
from edgedet.training.checkpoint import model_from_checkpoint
from edgedet.training.detector import model_options, new_detector
from edgedet.training.devices import open_fabric
from edgedet.training.outputs import BEST

log = logging.getLogger(__name__)
WARMUP, ITERATIONS = 5, 30
TRAINED, UNTRAINED = "trained", "untrained"
SPEEDS = (("network", "engine_call"), ("frame to result", "frame_to_result"))


def speed_sheet(scene: Scene, variants: tuple[Variant, ...], printed: str, reference: str) -> Sheet:
    """Return FPS of each variant, and how many times `reference`'s that is; printed ones too."""
    found = {variant.name: _speed(scene, variant) for variant in variants}
    paper = {variant.name: _printed(variant, printed) for variant in variants}
    titles = {variant.name: variant.title for variant in variants}
    against = f"times {titles[reference]}"
    rows = [
        (
            titles[name],
            _number(paper[name]),
            _ratio(paper[name], paper[reference]),
            *(_number(_fps(report, key)) for _, key in SPEEDS),
            _ratio(_fps(report, "engine_call"), _fps(found[reference], "engine_call")),
            report["weights"] if report else NOTHING,
        )
        for name, report in found.items()
    ]
    columns = (
        "detector",
        "FPS, printed",
        f"{against}, printed",
        *(f"FPS, {title}" for title, _ in SPEEDS),
        f"network, {against}",
        "weights",
    )
    reasons = [_reason(scene.entries[name], titles[name]) for name in titles if not found[name]]
    hardware = published_table(printed).hardware
    notes = (
        f"Printed: {hardware}, batch and precision not stated.",
        *_how(scene),
        *_busy(found, titles),
        *reasons,
    )
    return Sheet("4", "Table 4: frames a second", columns, tuple(rows), notes)


def _how(scene: Scene) -> tuple[str, ...]:
    return (
        f"Ours: PyTorch on {scene.bench.device} here, float32, batch 1, generated 1920x1080 "
        f"frames, medians of {ITERATIONS} calls after {WARMUP}; `edgedet bench` times exported "
        "models.",
        "network: from the input on the host to the candidates on the host. Untrained networks "
        "give as many candidates but other scores, so that their time from frame to result holds "
        "another amount of NMS.",
    )


def _busy(found: Mapping[str, Any], titles: Mapping[str, str]) -> list[str]:
    busy = [titles[name] for name, report in found.items() if report and report["machine_busy"]]
    return [f"Measured on a busy machine, not to be trusted: {'; '.join(busy)}."] if busy else []


def _reason(entry: Entry, title: str) -> str:
    return f"{title}: not measured{': ' + entry.reason if entry.reason else ''}"


def _speed(scene: Scene, variant: Variant) -> dict[str, Any] | None:
    entry = scene.entries[variant.name]
    if entry.key is None:
        return None
    store, device = scene.bench.store, scene.bench.device
    seeds = store.results(entry.key)
    weights = TRAINED if seeds else UNTRAINED
    name = f"speed-{entry.key}-{weights}-{device.replace(':', '')}"
    kept = store.recorded(name)
    if kept is None and scene.measuring:
        log.info("measuring %s, %s", variant.title, weights)
        try:
            kept = _measured(scene.bench, entry, next(iter(seeds), None))
        except EdgedetError as error:
            log.warning("not measured: %s: %s", variant.title, error)
            return None
        store.record(name, {**kept, "weights": weights, "origin": origin(device)})
        kept = store.recorded(name)
    return kept


def _measured(bench: Bench, entry: Entry, seed: int | None) -> dict[str, Any]:
    device = open_fabric(bench.device, "32").device
    busy = describe_environment()["machine_busy"]  # before our own work raises the load
    assert entry.recipe is not None
    assert entry.key is not None
    if seed is not None:
        model = model_from_checkpoint(bench.store.run(entry.key, seed) / BEST, device)
    else:
        options = model_options(entry.recipe, bench.labelled.train.counts())
        model = new_detector(entry.recipe, bench.labelled, options, trained=False)
    detection = cast(DetectionModel, model)
    detector = Detector(TorchBackend(detection, device), thresholds_for(detection.spec))
    speeds = measure(detector, synthetic_frames(), WARMUP, ITERATIONS)
    return {**speeds, "machine_busy": busy}


def _printed(variant: Variant, table: str) -> float | None:
    if variant.printed is None:
        return None
    rows = published_table(table).rows_where(variant.printed.column, variant.printed.value)
    value = rows[0]["mean_FPS"] if rows else None
    return float(value) if isinstance(value, int | float) else None


def _fps(report: dict[str, Any] | None, key: str) -> float | None:
    return report[key]["fps"] if report else None


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}"


def _ratio(value: float | None, reference: float | None) -> str:
    return NOTHING if value is None or not reference else f"{value / reference:.2f}"
