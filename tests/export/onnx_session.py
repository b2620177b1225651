"""Run an ONNX model in memory."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray


def run_onnx(model: onnx.ModelProto, images: NDArray[np.generic]) -> Sequence[NDArray[np.generic]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"images": images})
