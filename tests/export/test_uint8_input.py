from typing import NamedTuple

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx_session import run_onnx
from torch import Tensor, nn
from toy_detector import SIZE_HW, ToyDetector

from edgedet.export.checks import check_graph, dims_of
from edgedet.export.from_torch import graph_from_torch
from edgedet.export.metadata import read_spec
from edgedet.export.uint8_input import with_uint8_input
from edgedet.runtime.errors import ModelError
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.spec import ModelSpec

RELATIVE = 1e-5
"""Largest difference between the two forms, in units of the largest output."""


class Layer(NamedTuple):
    kernel: int
    stride: int
    padding: int
    bias: bool


class ReadsPixels(nn.Module):
    """A random net whose layers in `layers` all read the image; its boxes are their sums."""

    def __init__(self, layers: list[Layer], spec: ModelSpec, seed: int, shares: bool) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.spec = spec
        self.convolutions = nn.ModuleList(
            nn.Conv2d(3, 4, layer.kernel, layer.stride, layer.padding, bias=layer.bias)
            for layer in layers
        )
        if shares:
            self.convolutions.append(self.convolutions[0])

    def features(self, images: Tensor) -> list[Tensor]:
        return [conv(images) for conv in self.convolutions]

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        flat = torch.cat([map_.flatten(2) for map_ in self.features(images)], dim=2)
        boxes = flat.transpose(1, 2)
        return boxes, boxes[..., 0], boxes[..., 1].gt(0).long()


class ReadsPixelsOtherwise(ReadsPixels):
    """As well as by a Conv, the image is read by a pooling, a group Conv and a padding."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__([Layer(3, 2, 1, True)], spec, seed=0, shares=False)
        self.grouped = nn.Conv2d(3, 12, 3, padding=1, groups=3)

    def features(self, images: Tensor) -> list[Tensor]:
        padded = nn.functional.pad(images, (1, 1, 1, 1))
        pooled = nn.functional.max_pool2d(padded, 2)
        doubled = (images * images).sum(1, keepdim=True).expand(-1, 4, -1, -1)
        grouped = self.grouped(images).reshape(images.shape[0], 4, -1, 1)
        pooled_4 = torch.cat((pooled, pooled[:, :1]), dim=1)
        return [*super().features(images), pooled_4, doubled, grouped]


def both_forms(
    model: ReadsPixels | ToyDetector, batch: int, seed: int = 0
) -> tuple[list[NDArray[np.generic]], list[NDArray[np.generic]]]:
    """Outputs of the float and of the uint8 graph for the same frames."""
    graph = graph_from_torch(model, batch)
    rewritten = with_uint8_input(graph)
    check_graph(rewritten, 13)
    frames = np.random.default_rng(seed).integers(
        0, 256, (batch, *model.spec.size_hw, 3), dtype=np.uint8
    )
    outputs = []
    for form in (graph, rewritten):
        spec = read_spec(form)
        images = np.stack([preprocess(frame, spec)[0] for frame in frames])
        outputs.append(list(run_onnx(form, images)))
    return outputs[0], outputs[1]


def assert_same(one: NDArray[np.generic], other: NDArray[np.generic]) -> None:
    assert one.shape == other.shape
    scale = np.abs(one).max() if one.size else 1.0
    assert np.abs(one - other).max(initial=0) <= RELATIVE * max(scale, 1.0)


IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def spec_of(
    color: str,
    size_hw: tuple[int, int] = (12, 17),
    mean: tuple[float, float, float] = IMAGENET[0],
    std: tuple[float, float, float] = IMAGENET[1],
) -> ModelSpec:
    return ModelSpec(class_names=("a", "b"), size_hw=size_hw, color=color, mean=mean, std=std)


layers = st.builds(
    Layer, st.sampled_from([1, 3, 5]), st.integers(1, 3), st.integers(0, 1), st.booleans()
)
fractions = st.floats(0, 1, width=32)
triples = st.tuples(fractions, fractions, fractions)
spreads = st.floats(0.125, 1, width=32)
specs = st.builds(
    spec_of,
    color=st.sampled_from(["RGB", "BGR"]),
    size_hw=st.tuples(st.integers(5, 20), st.integers(5, 20)),
    mean=triples,
    std=st.tuples(spreads, spreads, spreads),
)


@settings(deadline=None, max_examples=40)
@given(
    convolutions=st.lists(layers, min_size=1, max_size=2),
    spec=specs,
    seed=st.integers(0, 999),
    shares=st.booleans(),
    batch=st.sampled_from([1, 4]),
)
def test_random_nets_say_the_same(
    convolutions: list[Layer], spec: ModelSpec, seed: int, shares: bool, batch: int
) -> None:
    model = ReadsPixels(convolutions, spec, seed, shares)
    one, other = both_forms(model, batch, seed)
    assert_same(one[0], other[0])


@pytest.mark.parametrize("color", ["RGB", "BGR"])
@pytest.mark.parametrize("batch", [1, 4])
def test_readers_that_are_no_plain_convolution_say_the_same(color: str, batch: int) -> None:
    one, other = both_forms(ReadsPixelsOtherwise(spec_of(color, (12, 16))), batch)
    assert_same(one[0], other[0])


def test_a_whole_detector_says_the_same() -> None:
    one, other = both_forms(ToyDetector().eval(), 1)
    np.testing.assert_allclose(other[0], one[0], atol=1e-3)
    np.testing.assert_allclose(other[1], one[1], atol=1e-5)


def test_the_padded_border_is_exact() -> None:
    """A frame in the mean colour is 0 to the float net, and so is its padding."""
    spec = spec_of("RGB")._replace(mean=(10 / 255, 20 / 255, 30 / 255))
    model = ReadsPixels([Layer(3, 1, 1, False)], spec, seed=1, shares=False)
    rewritten = with_uint8_input(graph_from_torch(model))
    frame = np.zeros((1, *spec.size_hw, 3), np.uint8) + np.uint8([30, 20, 10])
    assert np.abs(run_onnx(rewritten, frame)[0]).max() < 1e-6


def test_cast_comes_first_and_nothing_else_reads_the_pixels() -> None:
    graph = with_uint8_input(graph_from_torch(ToyDetector())).graph
    assert [node.op_type for node in graph.node[:3]] == ["Cast", "Transpose", "Sub"]
    assert [node.op_type for node in graph.node if "images" in node.input] == ["Cast"]
    assert not {"Gather", "Div", "Resize"} & {node.op_type for node in graph.node[:4]}


def test_the_input_is_nhwc_uint8() -> None:
    (entry,) = with_uint8_input(graph_from_torch(ToyDetector(), 2)).graph.input
    assert dims_of(entry) == (2, *SIZE_HW, 3)
    assert entry.type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_the_spec_says_what_the_graph_takes() -> None:
    spec = read_spec(with_uint8_input(graph_from_torch(ToyDetector())))
    assert (spec.input_dtype, spec.input_layout, spec.color) == ("uint8", "NHWC", "BGR")
    assert spec.mean == (0.406, 0.456, 0.485)
    assert spec.std == (0.225, 0.224, 0.229)


def test_the_float_graph_stays_as_it_was() -> None:
    graph = graph_from_torch(ToyDetector())
    before = graph.SerializeToString()
    with_uint8_input(graph)
    assert graph.SerializeToString() == before


def test_a_weight_that_another_layer_shares_stays_for_that_layer() -> None:
    """The exporter stores equal tensors once."""

    class Twice(ReadsPixels):
        def features(self, images: Tensor) -> list[Tensor]:
            first = self.convolutions[0](images)
            return [self.convolutions[0](first[:, :3])]

    model = Twice([Layer(3, 1, 1, False)], spec_of("RGB"), seed=2, shares=False)
    graph = graph_from_torch(model)
    assert len({node.input[1] for node in graph.graph.node if node.op_type == "Conv"}) == 1
    one, other = both_forms(model, 1)
    assert_same(one[0], other[0])


def test_old_weights_are_not_kept() -> None:
    graph = graph_from_torch(ToyDetector())
    grown = with_uint8_input(graph).ByteSize() - graph.ByteSize()
    assert grown < 1000


def test_a_model_is_rewritten_once_only() -> None:
    with pytest.raises(ModelError, match="uint8 NHWC"):
        with_uint8_input(with_uint8_input(graph_from_torch(ToyDetector())))


def test_a_model_without_a_spec_is_refused() -> None:
    graph = graph_from_torch(ToyDetector())
    del graph.metadata_props[:]
    with pytest.raises(ModelError, match="edgedet.spec"):
        with_uint8_input(graph)
