"""How far estimates are off: their bounds around speeds that others measured with TensorRT.

    python benchmarks/estimates.py

Figures in FPS of torch2trt's documentation (NVIDIA-AI-IOT/torch2trt, docs/benchmarks: JetPack of
2019, FP16, batch 1, 224x224, torchvision's networks) and of the scale-aware SSD paper (software and
precision not stated). Nothing is measured here, and no bound was ever fitted to these figures.
"""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
import torchvision

from edgedet.estimate import estimate_speed
from edgedet.export.from_torch import onnx_from_torch
from edgedet.models.registry import build_model
from edgedet.runtime.devices import device_named

NANO, XAVIER, CARD = "Jetson Nano 4GB", "Jetson AGX Xavier 32GB", "RTX 3090"
TORCH2TRT = {
    "alexnet": {NANO: 69.9, XAVIER: 565},
    "squeezenet1_0": {NANO: 137, XAVIER: 834},
    "squeezenet1_1": {NANO: 248, XAVIER: 1290},
    "resnet18": {NANO: 90.2, XAVIER: 722},
    "resnet34": {NANO: 50.7, XAVIER: 396},
    "resnet50": {NANO: 34.2, XAVIER: 326},
    "resnet101": {NANO: 19.9, XAVIER: 175},
    "resnet152": {NANO: 14.1, XAVIER: 122},
    "densenet121": {NANO: 41.9, XAVIER: 76.6},
    "densenet169": {NANO: 33.2, XAVIER: 41.7},
    "densenet201": {NANO: 25.4, XAVIER: 30.2},
    "densenet161": {NANO: 15.6, XAVIER: 43.7},
    "vgg11": {NANO: 18.3, XAVIER: 201},
    "vgg13": {NANO: 14.7, XAVIER: 165},
    "vgg16": {NANO: 11.9, XAVIER: 139},
    "vgg19": {XAVIER: 120},
    "mobilenet_v2": {XAVIER: 723},
    "shufflenet_v2_x0_5": {XAVIER: 463},
    "shufflenet_v2_x1_0": {XAVIER: 419},
    "shufflenet_v2_x1_5": {XAVIER: 426},
    "shufflenet_v2_x2_0": {XAVIER: 419},
    "mnasnet0_5": {XAVIER: 883},
    "mnasnet0_75": {XAVIER: 751},
    "mnasnet1_0": {XAVIER: 667},
    "mnasnet1_3": {XAVIER: 573},
}
PAPER = {
    "scale_aware_ssd": {CARD: 200, NANO: 9},
    "ssd_mobilenetv2": {CARD: 153},
    "retinanet_r50_fpn": {CARD: 43},
}
"""Of the Nano the paper says 8 to 10."""
SIDE, PAPER_SIDE, OPSET = 224, 512, 13


class Row(NamedTuple):
    """One figure and its bounds, in FPS."""

    model: str
    device: str
    precision: str
    cautious: float
    published: float
    at_most: float

    @property
    def inside(self) -> bool:
        """Whether the figure lies within the bounds."""
        return self.cautious <= self.published <= self.at_most

    @property
    def text(self) -> str:
        """The row of a Markdown table."""
        low, high = self.published / self.cautious, self.at_most / self.published
        figures = f"{self.cautious:.1f} | {self.published:g} | {self.at_most:.1f}"
        cells = (self.model, self.device, self.precision, figures, f"{low:.1f}", f"{high:.1f}")
        return "| " + " | ".join((*cells, "" if self.inside else "**outside**")) + " |"


def rows() -> Iterator[Row]:
    """Yield every figure with its bounds."""
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "model.onnx"
        for name, published in TORCH2TRT.items():
            _export_classifier(name, onnx)
            yield from _rows(name, onnx, published, ("fp16",))
        for name, published in PAPER.items():
            onnx_from_torch(build_model(name, ("tomato",), {"imgsz": PAPER_SIDE}), onnx)
            yield from _rows(name, onnx, published, ("fp32", "fp16"))


def _rows(
    name: str, onnx: Path, published: dict[str, float], precisions: tuple[str, ...]
) -> Iterator[Row]:
    for device, fps in published.items():
        for precision in precisions:
            (each,) = estimate_speed(onnx, device_named(device), precision)["estimates"]
            yield Row(name, device, precision, each["cautious_fps"], fps, each["at_most_fps"])


def _export_classifier(name: str, path: Path) -> None:
    model = getattr(torchvision.models, name)(weights=None).eval()
    image = torch.zeros(1, 3, SIDE, SIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (image,), path, opset_version=OPSET, dynamo=False)


def main() -> None:
    """Print the table and how many figures lie inside."""
    print("| model | device | | cautious | published FPS | at most | / cautious | at most / | |")
    print("|---|---|---|---:|---:|---:|---:|---:|---|")
    found = []
    for row in rows():
        found.append(row)
        print(row.text, flush=True)
    print(f"\n{sum(row.inside for row in found)} of {len(found)} figures lie inside the bounds")


if __name__ == "__main__":
    main()
