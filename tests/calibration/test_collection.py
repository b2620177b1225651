"""One pass over the images: what it sees, how it goes on, and what it holds in memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import onnxruntime
import pytest
from small_networks import CHANNELS, network_inputs, small_network

from edgedet.calibration.collection import Resume, collect
from edgedet.calibration.key import CalibrationKey
from edgedet.calibration.statistics import Statistics
from edgedet.runtime.errors import DataError, ModelError, UsageError

KEY = CalibrationKey("a" * 64, "b" * 64, 6, {"resize": "stretch", "size_hw": [8, 8]})
NAMES = ("images", "conv", "relu", "scaled", "out")


def same(one: Statistics, other: Statistics) -> bool:
    fields = ("low", "high", "exponent", "counts", "zeros")
    equal = [np.array_equal(getattr(one, f), getattr(other, f)) for f in fields]
    return one.names == other.names and all(equal)


class Interrupted(Sequence[np.ndarray]):
    """Batches that end with Ctrl-C when the one of `index` is asked for; `asked` lists them."""

    def __init__(self, batches: list[np.ndarray], index: int | None = None) -> None:
        self.batches = batches
        self.index = index
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index):
        if index == self.index:
            raise KeyboardInterrupt
        self.asked.append(index)
        return self.batches[index]


def ending_at(model: onnx.ModelProto, name: str) -> bytes:
    inferred = onnx.shape_inference.infer_shapes(model)
    part: onnx.ModelProto = onnx.utils.Extractor(inferred).extract_model(["images"], [name])
    return part.SerializeToString()


@pytest.mark.parametrize("batch", [1, 3])
def test_every_activation_is_seen_on_every_image(batch: int) -> None:
    """Against the values that ONNX Runtime returns of a graph that ends at each of them."""
    model, inputs = small_network(batch), network_inputs(5, batch)
    found = collect(model, inputs)
    assert found.names == NAMES
    for row, name in enumerate(NAMES[1:], 1):
        session = onnxruntime.InferenceSession(ending_at(model, name))
        values = np.stack([session.run(None, {"images": batch})[0] for batch in inputs])
        assert values.shape[2] == CHANNELS
        assert found.low[row] == pytest.approx(values.min(), rel=1e-5)
        assert found.high[row] == pytest.approx(values.max(), rel=1e-5)
        assert found.zeros[row] == (values == 0).sum()
        assert found.counts[row].sum() == (values != 0).sum()
    assert found.amax[0] == max(np.abs(image).max() for image in inputs)


def test_a_network_of_another_exporter_is_seen_whole(shared_data: Path, capfd) -> None:
    """Its weights are listed as inputs, of which ONNX Runtime would warn one by one."""
    model = onnx.load(shared_data / "weights" / "ultraface_rfb_320.onnx")
    image = np.random.default_rng(0).normal(size=(1, 3, 240, 320)).astype(np.float32)
    found = collect(model, [image], threads=1)
    made = [name for node in model.graph.node for name in node.output]
    assert len(found.names) > len(made) / 2
    assert found.names[0] == "input"
    assert set(found.names[1:]) <= set(made)
    assert (found.amax > 0).all()
    assert capfd.readouterr().err == ""


def test_an_interrupted_pass_goes_on_and_ends_equal(tmp_path: Path) -> None:
    model, inputs = small_network(), network_inputs(6)
    resume = Resume(tmp_path / "statistics.npz", KEY, every=2)
    with pytest.raises(KeyboardInterrupt):
        collect(model, Interrupted(inputs, 5), resume)
    rest, ticks = Interrupted(inputs), []
    found = collect(model, rest, resume, advance=lambda: ticks.append(1))
    assert rest.asked == [4, 5]
    assert len(ticks) == 6
    assert same(found, collect(model, inputs))
    assert [file.name for file in tmp_path.iterdir()] == ["statistics.npz"]


def test_a_finished_pass_is_not_made_again(tmp_path: Path) -> None:
    model, inputs = small_network(), network_inputs(6)
    resume = Resume(tmp_path / "statistics.npz", KEY)
    first, again = collect(model, inputs, resume), Interrupted(inputs, 0)
    assert same(collect(model, again, resume), first)
    assert again.asked == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"model_sha256": "c" * 64}, r"the model \(SHA-256 aaaaaaaaaaaa, now cccccccccccc\)"),
        ({"images_sha256": "c" * 64}, r"the images \(SHA-256 bbbbbbbbbbbb, now cccccccccccc\)"),
        ({"images": 7}, r"the images \(6, now 7\)"),
        (
            {"preprocessing": {"resize": "letterbox", "size_hw": [8, 8]}},
            r"the preprocessing \(resize stretch, now letterbox\)",
        ),
    ],
)
def test_statistics_of_another_calibration_are_refused(tmp_path: Path, changed, told: str) -> None:
    model, inputs = small_network(), network_inputs(6)
    path = tmp_path / "statistics.npz"
    collect(model, inputs, Resume(path, KEY))
    with pytest.raises(UsageError, match=told):
        collect(model, inputs, Resume(path, KEY._replace(**changed)))


def test_a_file_that_holds_no_statistics_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "statistics.npz"
    collect(small_network(), network_inputs(6), Resume(path, KEY))
    whole = path.read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"statistics.npz.*delete"):
            collect(small_network(), network_inputs(6), Resume(path, KEY))


def test_pickled_objects_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "statistics.npz"
    np.savez(path, head=np.array({"done": 1}, dtype=object))
    with pytest.raises(ModelError, match="delete"):
        collect(small_network(), network_inputs(6), Resume(path, KEY))


def test_no_images_are_said() -> None:
    with pytest.raises(DataError, match="found none"):
        collect(small_network(), [])


MEMORY = """
import resource, sys
from collections.abc import Sequence
import numpy as np
from onnx import TensorProto, helper
from edgedet.calibration.collection import collect
nodes = [helper.make_node("Neg", [f"t{i}" if i else "images"], [f"t{i + 1}"]) for i in range(8)]
shape = [1, 16, 128, 128]
ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("images", "t8")]
graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
class Noise(Sequence):
    def __len__(self): return int(sys.argv[1])
    def __getitem__(self, i): return np.random.default_rng(i).normal(size=shape).astype("f4")
collect(model, Noise(), threads=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux")
def test_memory_does_not_grow_with_the_images() -> None:
    """One image's activations are 9 MB: kept, 256 images would take 2 GB more than 16."""
    peak_kb = []
    for images in ("16", "256"):
        command = [sys.executable, "-c", MEMORY, images]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        peak_kb.append(int(ran.stdout))
    assert peak_kb[1] - peak_kb[0] < 20_000
