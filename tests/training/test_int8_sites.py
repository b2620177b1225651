"""What PyTorch rounds in training is what the exported Q/DQ form rounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from int8_agreement import Pair, run
from numpy.typing import NDArray
from torch import nn

from edgedet.calibration.layers import constants_of
from edgedet.calibration.placement import int8_layers, place_tensorrt
from edgedet.calibration.qdq import qdq_model
from edgedet.export.from_torch import graph_from_torch
from edgedet.models.registry import build_model
from edgedet.qat.fake_quantisation import round_weights
from edgedet.qat.sites import int8_sites
from edgedet.runtime.errors import ModelError
from edgedet.runtime.images import read_image
from edgedet.runtime.preprocess import preprocess
from edgedet.runtime.spec import ModelSpec

SIDE = 64
LEAST_SNR_DB = 48.0
"""At nearly all places the codes are the same, 200 dB; the last bit of a float moves a code now and
then, and that all behind it. Between INT8 and float there are 34 to 47 dB at these places."""

GAIN = 0.7
"""Of normalisations: larger ones make a random network chaotic, and one code all others."""

MODELS = [
    ("scale_aware_ssd", {}),
    ("scale_aware_ssd", {"trunk": "mobilenet_v3_large", "taps": [5, 8]}),
    ("scale_aware_ssd", {"trunk": "resnet18", "taps": [4, 6]}),
    ("multiscale_shapes", {}),
    pytest.param("ssd_mobilenetv2", {}, marks=pytest.mark.slow),
    pytest.param("ssdlite_mobilenetv3", {}, marks=pytest.mark.slow),
]


def trained_alike(name: str, options: dict[str, Any]) -> Any:
    """A model whose normalisations have statistics and signs as training leaves them."""
    torch.manual_seed(3)
    model = build_model(name, ("a", "b"), {**options, "imgsz": SIDE})
    assert isinstance(model, nn.Module)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.weight, -GAIN, GAIN)
            nn.init.normal_(module.bias, 0, 0.3)
    return model.eval()


def noise(model: Any) -> list[NDArray[np.float32]]:
    draw = np.random.RandomState(0)
    return [draw.randn(1, 3, *model.spec.size_hw).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_every_pair_is_where_the_graph_has_it(name: str, options: dict[str, Any]) -> None:
    model = trained_alike(name, options)
    batches = noise(model)
    pair = Pair(model, batches)
    placed = place_tensorrt(pair.graph.graph, int8_layers(pair.graph.graph))
    tensors = {pair.graph.graph.node[index].input[place] for index, place in placed.edges}
    assert {*pair.sites.inputs.values(), *pair.sites.outputs.values()} == tensors
    assert len(pair.sites.norms) == len(placed.layers)
    found = pair.snr_db(batches[0])
    assert min(found.values()) > LEAST_SNR_DB, sorted(found.items(), key=lambda item: item[1])[:5]


def test_a_place_that_is_left_out_shows() -> None:
    """The comparison itself fails when one site differs."""
    model = trained_alike("scale_aware_ssd", {})
    pair = Pair(model, noise(model))
    layer = dict(pair.fake.named_modules())["maps.trunk.stages.0.3.conv.1.0"]
    layer._forward_pre_hooks.clear()
    assert min(pair.snr_db(noise(model)[0]).values()) < LEAST_SNR_DB


@pytest.mark.parametrize(("name", "options"), MODELS[:2])
def test_rounded_weights_have_the_codes_that_were_trained(
    name: str, options: dict[str, Any]
) -> None:
    """`export` of a checkpoint rounds weights that are rounded: the same codes again, but for the
    rare one on the border (folding multiplies and divides).
    """
    model = trained_alike(name, options)
    pair = Pair(model, noise(model))
    round_weights(model, pair.plan)
    amax = pair.sites.amax(pair.plan)
    again = qdq_model(graph_from_torch(model), amax, "tensorrt")
    codes = [weight_codes(form) for form in (pair.qdq, again)]
    changed = sum(int((one != other).sum()) for one, other in zip(*codes, strict=True))
    assert changed < 1e-4 * sum(one.size for one in codes[0])


def weight_codes(model: Any) -> list[NDArray[np.int8]]:
    values = constants_of(model.graph).values()
    return [value for value in values if value.dtype == np.int8 and value.ndim > 1]


def test_real_images(shared_data: Path) -> None:
    """Decoded scores as well, which 1 % of the largest may move."""
    model = trained_alike("scale_aware_ssd", {})
    folder = shared_data / "det_bccd" / "images"
    files = sorted(folder.glob("*.jpg"))[:4]
    batches = [preprocess(read_image(file), model.spec)[0][None] for file in files]
    pair = Pair(model, batches)
    for batch in batches[:2]:
        assert min(pair.snr_db(batch).values()) > LEAST_SNR_DB
        with torch.no_grad():
            scores = pair.fake.predict(torch.from_numpy(batch))[1].numpy()
        (theirs,) = run(pair.qdq, ["scores"], batch)
        np.testing.assert_allclose(scores, theirs, atol=0.01 * float(theirs.max()))


@pytest.mark.slow
def test_a_head_for_all_levels_is_refused() -> None:
    model: Any = build_model("retinanet_r50_fpn", ("a",), {"imgsz": 64})
    with pytest.raises(ModelError, match="called more than once") as caught:
        int8_sites(model.eval(), graph_from_torch(model))
    assert "\n" not in str(caught.value)


class Bare(nn.Module):
    """A stem, a layer that PyTorch cannot follow, and a head."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.spec = ModelSpec(class_names=("a",), size_hw=(16, 16))
        self.how = how
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.one = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 6, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        maps = self.stem(images)
        if self.how == "function":
            return self.head(self.one(maps.relu()) + maps.sigmoid())
        if self.how == "twice":
            return self.head(self.one(self.one(maps.relu()).relu()))
        return self.head(nn.functional.conv2d(maps.relu(), self.one.weight))

    def predict(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        rows = self(images).flatten(2).transpose(1, 2)[:, :10]
        return rows[..., :4], rows[..., 4].sigmoid(), rows[..., 5].long()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("function", "of what no module makes"),
        ("weights alone", "learned layers in the graph"),
        ("twice", "called more than once"),
    ],
)
def test_what_no_module_does_is_refused(how: str, message: str) -> None:
    model = Bare(how).eval()
    with pytest.raises(ModelError, match=message) as caught:
        int8_sites(model, graph_from_torch(model))
    assert "\n" not in str(caught.value)
