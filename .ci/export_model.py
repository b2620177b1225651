"""Export a real detector on the host, with what it answers there, for the device's tests.

    python .ci/export_model.py FOLDER

FOLDER gets ``float32.onnx`` and ``uint8.onnx`` (scale_aware_ssd, random weights: what is tested is
the graph, not the skill), ``frame.png``, and for each model ``NAME.json``: the candidates that ONNX
Runtime of this machine finds in the frame.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import torch

from edgedet.export.from_torch import onnx_from_torch
from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.export.parity_images import parity_images
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.registry import build_model
from edgedet.runtime.detector import open_detector

SIZE = 320


def main(folder: Path) -> None:
    """Write everything into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = build_model("scale_aware_ssd", ("cat", "dog"), {"imgsz": SIZE})
    onnx_from_torch(model, folder / "float32.onnx")
    save_onnx(with_uint8_input(load_onnx(folder / "float32.onnx")), folder / "uint8.onnx")
    frame = parity_images((SIZE, SIZE))[0]
    cv2.imwrite(str(folder / "frame.png"), frame)
    for path in sorted(folder.glob("*.onnx")):
        with open_detector(path) as detector:
            batch, _ = detector.preprocess(frame)
            boxes_xyxy, scores, labels = (out[0] for out in detector.infer(batch))
        candidates = {
            "boxes_xyxy": boxes_xyxy.tolist(),
            "scores": scores.tolist(),
            "labels": labels.tolist(),
        }
        path.with_suffix(".json").write_text(json.dumps(candidates))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
