"""What a camera's frame costs besides the network: from the capture to its detections.

Frames come slower than the network runs, so that none waits for another one; the network alone is
measured in turn with them, on the same input:

    python benchmarks/camera_overhead.py model.onnx --images FOLDER \\
        --out docs/results/camera_overhead.json

Images of the model's own objects tell what decoding them costs; without any, frames are generated.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Semaphore, Thread

import cv2
import numpy as np
from interleaved import TimesMs, ratio, timing_rows
from numpy.typing import NDArray
from results import Finding, Results, publish

from edgedet.runtime import Detector, open_detector
from edgedet.runtime.camera.controls import Controls
from edgedet.runtime.camera.health import Health
from edgedet.runtime.camera.inbox import Inbox
from edgedet.runtime.camera.insight import Insight
from edgedet.runtime.camera.live_frame import LiveFrame
from edgedet.runtime.camera.loop import Batching, Camera, Loop, Road
from edgedet.runtime.camera.outlet import Outlet
from edgedet.runtime.camera.output import Output
from edgedet.runtime.camera.seen import Seen
from edgedet.runtime.environment import describe_environment
from edgedet.runtime.images import read_image
from edgedet.runtime.synthetic_frames import synthetic_frames
from edgedet.runtime.tracking.following import Follower

SIZES_HW = {"640x480": (480, 640), "1080p": (1080, 1920)}
TARGET = 0.10
FRAME, NETWORK = "capture to detections", "network alone"
PREPROCESSING, POSTPROCESSING = "preprocessing alone", "postprocessing alone"
PROTOCOL = (
    "each round: one frame through the loop of a camera, from its capture to its detections; then "
    "preprocessing, network and postprocessing of the same frame alone; overhead = median over "
    "rounds of the frame / the network alone, less 1"
)
WARMUP = 20
FRAMES = 8
PAUSE_S = 0.005
"""Between the detections of a frame and the next frame."""


class Ages(Output):
    """Keeps how old each frame was."""

    name = "ages"
    keeps_all = True

    def __init__(self) -> None:
        self.ages_ms: list[float] = []
        self._news = Semaphore(0)

    def put(self, seen: Seen) -> None:
        """Keep its age."""
        self.ages_ms.append(seen.age_ms)
        self._news.release()

    def wait(self) -> None:
        """Wait for the next one without taking time from the network."""
        self._news.acquire()


def main() -> None:
    """Measure all sizes, with and without tracking, and publish."""
    arguments = parse_arguments()
    rows, findings = [], []
    with open_detector(arguments.model) as detector:
        for label, size_hw in SIZES_HW.items():
            frames = frames_of(arguments.images, size_hw)
            for tracked in (False, True):
                name = f"{label}, tracked" if tracked else label
                times = measured(detector, frames, arguments.rounds, tracked)
                rows += [
                    {**row, "name": f"{name}: {row['name']}"}
                    for row in timing_rows(times, {"network": NETWORK})
                ]
                cost = overhead(times)
                findings.append(Finding(f"{name}: overhead", cost, "of the network", TARGET))
    images = arguments.images and arguments.images.name
    settings = {"model": arguments.model.name, "images": images, "rounds": arguments.rounds}
    environment = describe_environment()
    results = Results("camera_overhead", settings, environment, rows, findings, protocol=PROTOCOL)
    publish(results, arguments.out)


def parse_arguments() -> argparse.Namespace:
    """Return what the words of the command line say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--images", type=Path, help="folder; scaled to the size of the frames")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def frames_of(folder: Path | None, size_hw: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Return frames of that size: the first images of the folder, or generated ones."""
    if folder is None:
        return synthetic_frames(FRAMES, size_hw)
    paths = sorted(folder.iterdir())[:FRAMES]
    return [cv2.resize(read_image(path), size_hw[::-1]) for path in paths]


def measured(
    detector: Detector, frames: Sequence[NDArray[np.uint8]], rounds: int, tracked: bool
) -> dict[str, list[float]]:
    """Return the milliseconds of frames, and of each stage by itself, in turn."""
    shown = detector.thresholds
    inbox, output, stages = Inbox(["camera"]), Ages(), []
    insight = Insight(Follower()) if tracked else Insight()
    cameras = {"camera": Camera(Health("camera"), insight)}
    controls = Controls(detector.thresholds.score)
    with Outlet(output) as outlet:
        road = Road(inbox, [outlet], controls)
        worker = Thread(target=Loop(detector, cameras, Batching()).run, args=(road,))
        worker.start()
        for number in range(WARMUP + rounds):
            image_bgr = frames[number % len(frames)]
            put(inbox, image_bgr, number)
            output.wait()
            time.sleep(PAUSE_S)
            stages.append(stages_ms(detector, image_bgr))
        controls.stop()
        worker.join()
    detector.thresholds = shown  # the loop asks for less where it tracks
    times = {FRAME: output.ages_ms[WARMUP:]}
    for index, name in enumerate((PREPROCESSING, NETWORK, POSTPROCESSING)):
        times[name] = [each[index] for each in stages[WARMUP:]]
    return times


def overhead(times: TimesMs) -> float:
    """Return what a frame costs besides the network, as a share of it: the median over rounds."""
    return round(ratio(times, FRAME, NETWORK) - 1, 4)


def put(inbox: Inbox, image_bgr: NDArray[np.uint8], number: int) -> None:
    """Hand a copy of the image in, as a camera does: its memory is new."""
    image_bgr = image_bgr.copy()
    now_s = time.monotonic()
    inbox.put(LiveFrame("camera", image_bgr, number, now_s, time.time(), now_s))


def stages_ms(detector: Detector, image_bgr: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return how long preprocessing, network and postprocessing of one frame take."""
    marks = [time.perf_counter()]
    batch, placement = detector.preprocess(image_bgr)
    marks.append(time.perf_counter())
    outputs = detector.infer(batch)
    marks.append(time.perf_counter())
    detector.postprocess(outputs, 0, placement)
    marks.append(time.perf_counter())
    first, second, third = (1000 * (end - begin) for begin, end in itertools.pairwise(marks))
    return first, second, third


if __name__ == "__main__":
    main()
