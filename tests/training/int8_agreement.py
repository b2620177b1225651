"""How closely a fake-quantised PyTorch model follows the Q/DQ graph in ONNX Runtime."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from edgedet.calibration.collection import collect
from edgedet.calibration.methods import amax_by
from edgedet.calibration.qdq import qdq_model
from edgedet.export.from_torch import graph_from_torch
from edgedet.qat.fake_quantisation import attach_fake_quantisation
from edgedet.qat.sites import Int8Sites, int8_sites


class Pair:
    """One model in three forms: float, fake-quantised, and Q/DQ."""

    def __init__(self, model: Any, batches: Sequence[NDArray[np.float32]]) -> None:
        self.float_model = model.eval()
        self.graph = graph_from_torch(model)
        self.sites: Int8Sites = int8_sites(model, self.graph)
        amax = amax_by(collect(self.graph, batches), "mse")
        self.plan = self.sites.plan(amax)
        self.fake = copy.deepcopy(model)
        attach_fake_quantisation(self.fake, self.plan)
        self.qdq = qdq_model(self.graph, amax, "tensorrt")

    def snr_db(self, batch: NDArray[np.float32]) -> dict[str, float]:
        """By each module with a Q/DQ pair before or behind it: what the pair returns in ONNX
        Runtime, against its difference to PyTorch.
        """
        ours = self._from_torch(batch)
        tensors = {**self.sites.inputs, **self.sites.outputs}
        names = [f"{tensor}_dequantized" for tensor in tensors.values()]
        theirs = dict(zip(tensors, run(self.qdq, names, batch), strict=True))
        return {module: _snr_db(theirs[module], ours[module]) for module in tensors}

    def _from_torch(self, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        seen: dict[str, NDArray[np.float32]] = {}
        modules = dict(self.fake.named_modules())
        handles = []
        for name in self.sites.inputs:  # behind the hooks that round
            handles.append(
                modules[name].register_forward_pre_hook(
                    lambda _, args, name=name: seen.update({name: args[0].numpy().copy()})
                )
            )
        for name in self.sites.outputs:
            handles.append(
                modules[name].register_forward_hook(
                    lambda _, __, result, name=name: seen.update({name: result.numpy().copy()})
                )
            )
        with torch.no_grad():
            self.fake.predict(torch.from_numpy(batch))
        for handle in handles:
            handle.remove()
        return seen


def run(
    model: onnx.ModelProto, names: Sequence[str], batch: NDArray[np.float32]
) -> list[NDArray[Any]]:
    """Tensors of a graph by their names, computed node by node as they are written."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    known = {value.name for value in watched.graph.output}
    for name in dict.fromkeys(names):
        if name not in known:
            value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            watched.graph.output.append(value)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    content = watched.SerializeToString()
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return list(session.run(list(names), {"images": batch}))


def _snr_db(signal: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    noise = float(np.mean((signal.astype(np.float64) - other) ** 2))
    power = float(np.mean(signal.astype(np.float64) ** 2))
    return float(10 * np.log10(power / noise)) if noise else 200.0
