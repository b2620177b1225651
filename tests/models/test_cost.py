import pytest
import torch
from torch import nn

from edgedet.models.cost import Cost, network_cost
from edgedet.models.registry import build_model
from edgedet.models.trunk_networks import TRUNKS

SIDE = 96


def slow_macs(network: nn.Module, side: int) -> int:
    """Each convolution's kernel x output, from the maps that a real forward gives."""
    total = 0

    def add(layer, _, output):
        nonlocal total
        kernel = layer.weight[0].numel()
        total += kernel * output.numel()

    hooks = [m.register_forward_hook(add) for m in network.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    return total


OPTIONS = (
    {"taps": "paper"},
    {"taps": "original"},
    {"trunk": "mobilenet_v3_large", "taps": [4, 8, 9], "anchors": [20, [30, 40], 50, 60, 70]},
    {"trunk": "resnet18", "taps": [3], "anchors": [[20, 25]], "ratios": [1, 2]},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_macs_and_parameters_of_detectors(options, classes):
    model = build_model("scale_aware_ssd", classes, {"imgsz": SIDE, **options})
    parameters = sum(p.numel() for p in model.parameters())
    assert network_cost(model, (SIDE, SIDE)) == Cost(slow_macs(model, SIDE), parameters)
    maps = network_cost(model.maps, (SIDE, SIDE))
    assert maps.macs == slow_macs(model.maps, SIDE)


@pytest.mark.parametrize("trunk", TRUNKS)
def test_whole_networks_cost_what_torchvision_states(trunk):
    stated = TRUNKS[trunk].imagenet.meta
    with torch.device("meta"):
        network = TRUNKS[trunk].network(weights=None)
    cost = network_cost(network, (224, 224))
    assert cost.parameters == stated["num_params"]
    assert cost.macs / 1e9 == pytest.approx(stated["_ops"], abs=1e-3)


def test_a_detector_without_weights_costs_the_same(classes):
    options = {"imgsz": SIDE, "taps": [5, 8]}
    with torch.device("meta"):
        meta = build_model("scale_aware_ssd", classes, options)
    assert {p.device.type for p in meta.parameters()} == {"meta"}
    real = build_model("scale_aware_ssd", classes, options)
    assert network_cost(meta, (SIDE, SIDE)) == network_cost(real, (SIDE, SIDE))


def test_the_network_is_left_as_it_is(classes):
    model = build_model("scale_aware_ssd", classes, {"imgsz": SIDE}).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    network_cost(model, (SIDE, SIDE))
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
