"""Makes what INT8 of the runtime is tested with, where there is no `onnx`:

tiny_int8.onnx: tiny_convolution.onnx with a body before its head, so that there are layers to
quantise, and with its own answers. tiny_int8.scales.json: of a calibration on generated frames.
tiny_int8.qdq.onnx, tiny_int8.cpu.onnx: the forms of TensorRT and of CPUs of both.
Run: python tests/golden/make_tiny_int8.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from make_tiny_convolution import CLASSES, SIDE, TOP_K, constants, nodes
from onnx import ModelProto, TensorProto, helper, numpy_helper

from edgedet.calibration.bias_correction import channel_means
from edgedet.calibration.calibrated import Calibrated
from edgedet.calibration.collection import collect
from edgedet.calibration.engine_scales import engine_scales
from edgedet.calibration.key import calibration_key
from edgedet.calibration.scales_file import scales_by, write_scales
from edgedet.export.metadata import write_entry, write_spec
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.model_reference import REFERENCE_KEY, reference_of
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.spec import ModelSpec
from edgedet.runtime.synthetic_frames import synthetic_frames

if TYPE_CHECKING:
    from edgedet.calibration.placement import Form

FRAMES = 8
FORMS: tuple[tuple[Form, str], ...] = (("tensorrt", "qdq"), ("cpu", "cpu"))
SPEC = ModelSpec(
    ("thing",),
    (SIDE, SIDE),
    provenance={"made_by": "tests/golden/make_tiny_int8.py", "precision": "float32"},
)


def body() -> list[onnx.NodeProto]:
    """Four channels, a skip connection, and back to three."""
    make = helper.make_node
    return [
        make("Conv", ["images", "stem_weight", "stem_bias"], ["stem"], name="/body/stem/Conv"),
        make("Relu", ["stem"], ["stem_relu"], name="/body/stem/Relu"),
        make("Conv", ["stem_relu", "mix_weight", "mix_bias"], ["mixed"], name="/body/mix/Conv"),
        make("Add", ["stem_relu", "mixed"], ["sum"], name="/body/Add"),
        make("Conv", ["sum", "back_weight", "back_bias"], ["back"], name="/body/back/Conv"),
    ]


def model_in_fp32() -> ModelProto:
    """Return it without its answers."""
    value, rng = helper.make_tensor_value_info, np.random.default_rng(1)
    learned = {
        "stem_weight": rng.normal(0, 0.6, (4, 3, 1, 1)),
        "stem_bias": rng.normal(0, 0.1, 4),
        "mix_weight": rng.normal(0, 0.4, (4, 4, 1, 1)),
        "mix_bias": rng.normal(0, 0.1, 4),
        "back_weight": rng.normal(0, 0.5, (3, 4, 1, 1)),
        "back_bias": rng.normal(0, 0.1, 3),
    }
    head, *rest = nodes()
    head.input[0], head.name = "back", "/head/Conv"
    weights = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in learned.items()]
    graph = helper.make_graph(
        [*body(), head, *rest],
        "tiny_int8",
        [value("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            value("boxes_xyxy", TensorProto.FLOAT, [1, TOP_K, 4]),
            value("scores", TensorProto.FLOAT, [1, TOP_K]),
            value("labels", TensorProto.INT64, [1, TOP_K]),
        ],
        [*weights, *constants()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    write_spec(model, SPEC)
    onnx.checker.check_model(model, full_check=True)
    assert CLASSES == 2
    return model


def main() -> None:
    """Write the files beside this script."""
    model, folder = model_in_fp32(), Path(__file__).parent
    path = folder / "tiny_int8.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    with OnnxRuntimeBackend(path) as backend:
        write_entry(model, REFERENCE_KEY, reference_of(backend))
    path.write_bytes(model.SerializeToString(deterministic=True))
    frames = synthetic_frames(FRAMES, (SIDE, SIDE))
    batches = [preprocess(frame, SPEC)[0][None] for frame in frames]
    key = calibration_key(path, [], SPEC, "minmax")._replace(images=FRAMES)
    scales = scales_by(collect(model, batches), key)
    means = channel_means(model, batches)
    write_scales(folder / "tiny_int8.scales.json", engine_scales(model, scales, means=means))
    calibrated = Calibrated(model, scales, means)
    for form, name in FORMS:
        quantised = calibrated.quantised(form)
        file = folder / f"tiny_int8.{name}.onnx"
        file.write_bytes(quantised.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
