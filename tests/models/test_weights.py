import os
import pickle
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from edgedet.models.registry import build_model
from edgedet.models.trunk_networks import TRUNKS
from edgedet.models.weights import load_trunk_weights
from edgedet.runtime.errors import DeviceError, ModelError, UsageError

from .test_trunk import slow_maps

V3 = "mobilenet_v3_large"


def new_model(classes, **options):
    return build_model("scale_aware_ssd", classes, {"imgsz": 64, **options})


@pytest.fixture(scope="module")
def network():
    """A MobileNetV2 that differs from any new one in its statistics, too."""
    torch.manual_seed(7)
    network = mobilenet_v2(weights=None)
    for name, value in network.state_dict().items():
        if name.endswith(("running_mean", "running_var", "weight")) and value.ndim == 1:
            value.uniform_(0.5, 1.5)
    return network.eval()


@pytest.fixture(scope="module")
def weights_file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "trunk.pth"
    torch.save(network.state_dict(), path)
    return path


def assert_trunk_is(model, features, name) -> None:
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = model.eval().maps.trunk(images)
        expected = slow_maps(features.eval(), name, images)
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("taps", ["paper", "code", "original"])
def test_a_local_file_fills_the_trunk(taps, network, weights_file, classes):
    model = new_model(classes, taps=taps)
    heads = {k: v.clone() for k, v in model.state_dict().items() if "trunk" not in k}
    load_trunk_weights(model, str(weights_file))
    assert_trunk_is(model, network.features, taps)
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in heads.items())


OTHERS = {V3: (4, 8), "resnet18": (3, 4, 6)}


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("trunk", OTHERS)
def test_a_local_file_fills_another_trunk(trunk, half, tmp_path, classes):
    torch.manual_seed(3)
    network = TRUNKS[trunk].network(weights=None).eval()
    if half:
        network = network.half()
    torch.save(network.state_dict(), tmp_path / "trunk.pth")
    model = new_model(classes, trunk=trunk, taps=OTHERS[trunk]).eval()
    load_trunk_weights(model, str(tmp_path / "trunk.pth"))
    blocks, image = TRUNKS[trunk].cut(network.float()), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        found = model.maps.trunk(image)
        for tap, block in zip(found, OTHERS[trunk], strict=True):
            assert torch.equal(tap, blocks[: block + 1](image))


@pytest.mark.parametrize(("trunk", "title"), [("resnet18", "ResNet-18"), (V3, "MobileNetV3-Large")])
def test_weights_of_another_trunk_are_refused(trunk, title, weights_file, classes):
    model = new_model(classes, trunk=trunk, taps=OTHERS[trunk])
    with pytest.raises(ModelError, match=f"torchvision's {title} keys and shapes in .*trunk.pth"):
        load_trunk_weights(model, str(weights_file))


def test_half_precision_is_loaded_as_single(network, tmp_path, classes):
    half = {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}
    torch.save(half, tmp_path / "half.pth")
    model = new_model(classes)
    load_trunk_weights(model, str(tmp_path / "half.pth"))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    twin = mobilenet_v2(weights=None)
    twin.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in half.items()})
    assert_trunk_is(model, twin.features, "paper")


def test_real_weights(shared_data, classes):
    path = shared_data / "weights" / "mobilenet_v2_imagenet_fp16.pth"
    if not path.is_file():
        pytest.skip(f"no {path}")
    model = new_model(classes)
    load_trunk_weights(model, str(path))
    state = torch.load(path, weights_only=True)
    stem = model.maps.trunk.stages[0][0][0].weight
    assert torch.equal(stem, state["features.0.0.weight"].float())
    twin = mobilenet_v2(weights=None)
    twin.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
    assert_trunk_is(model, twin.features, "paper")


@pytest.mark.parametrize("frozen", [0, 4])
def test_frozen_blocks_are_loaded_as_well(frozen, network, weights_file, classes):
    model = new_model(classes, frozen_blocks=frozen)
    load_trunk_weights(model, str(weights_file))
    assert_trunk_is(model, network.features, "paper")
    stem = next(model.maps.trunk.parameters())
    assert stem.requires_grad == (frozen == 0)


def test_none_leaves_the_model(classes):
    for name in ("scale_aware_ssd", "multiscale_shapes"):
        model = build_model(name, classes, {"imgsz": 64})
        before = {k: v.clone() for k, v in model.state_dict().items()}
        load_trunk_weights(model, "none")
        assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def saved(content, path):
    torch.save(content, path)
    return path


class Shell:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.mark.parametrize("writer", [torch.save, lambda c, p: p.write_bytes(pickle.dumps(c))])
@pytest.mark.parametrize("wrapped", [False, True])
def test_code_in_a_file_is_refused_and_does_not_run(writer, wrapped, tmp_path, classes):
    trace = tmp_path / "trace"
    shell = Shell(f"touch {trace}")
    path = tmp_path / "evil.pth"
    writer({"features.0.0.weight": shell} if wrapped else shell, path)
    with pytest.raises(ModelError, match="plain tensors in .*evil.pth") as error:
        load_trunk_weights(new_model(classes), str(path))
    assert not trace.exists()
    assert "\n" not in str(error.value)
    pickle.loads(pickle.dumps(shell))
    assert trace.exists(), "the file would have run it"


def wrong_contents(state):
    """What may stand in a file that torch opens, but that is no MobileNetV2."""
    missing = dict(list(state.items())[3:])
    shape = {**state, "features.0.0.weight": torch.zeros(16, 3, 3, 3)}
    return {
        "empty": {},
        "missing": missing,
        "extra": {**state, "surplus": torch.zeros(1)},
        "shape": shape,
        "list": [1, 2, 3],
        "tensor": torch.zeros(3),
        "checkpoint": {"model": dict(state), "epoch": 3},
        "number": {**state, "features.0.0.weight": 1.0},
        "integer keys": {0: torch.zeros(3)},
        "other network": {"conv1.weight": torch.zeros(64, 3, 7, 7)},
    }


@pytest.mark.parametrize("case", wrong_contents({}))
def test_a_file_of_something_else_is_told_in_one_line(case, network, tmp_path, classes):
    path = saved(wrong_contents(network.state_dict())[case], tmp_path / "wrong.pth")
    model = new_model(classes)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(ModelError, match="wrong.pth") as error:
        load_trunk_weights(model, str(path))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize(
    "content",
    [b"", b"not a model", b"\x80\x04\x95", b"PK\x03\x04 cut", bytes(200), b"\x89PNG\r\n\x1a\n" * 9],
)
def test_a_corrupt_file_is_told_in_one_line(content, tmp_path, classes):
    path = tmp_path / "corrupt.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="corrupt.pth") as error:
        load_trunk_weights(new_model(classes), str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", [0.3, 0.9, 0.999])
def test_a_cut_file_is_told_in_one_line(part, weights_file, tmp_path, classes):
    content = weights_file.read_bytes()
    (tmp_path / "cut.pth").write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ModelError, match="cut.pth") as error:
        load_trunk_weights(new_model(classes), str(tmp_path / "cut.pth"))
    assert "\n" not in str(error.value)


def test_random_bytes_never_give_a_traceback(tmp_path, classes):
    model, rng = new_model(classes), np.random.default_rng(0)
    for _ in range(40):
        path = tmp_path / "noise.pth"
        path.write_bytes(rng.bytes(int(rng.integers(1, 80))))
        with pytest.raises(ModelError, match="noise.pth"):
            load_trunk_weights(model, str(path))


def test_a_missing_file(tmp_path, classes):
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(UsageError, match="--weights imagenet, none or a file"):
            load_trunk_weights(new_model(classes), str(path))


@pytest.mark.parametrize(
    "failure",
    [
        URLError("no network"),
        TimeoutError("timed out"),
        RuntimeError('invalid hash value (expected "b0353104", got "ab")'),
    ],
)
def test_imagenet_without_network(failure, monkeypatch, classes):
    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(MobileNet_V2_Weights, "get_state_dict", fail)
    with pytest.raises(DeviceError, match="ImageNet weights.*--weights FILE.*--weights none") as e:
        load_trunk_weights(new_model(classes), "imagenet")
    assert "\n" not in str(e.value)
    assert e.value.exit_code == 5


def test_imagenet_is_downloaded_checked(monkeypatch, network, classes):
    asked = {}

    def give(self, **kwargs):
        asked.update(kwargs, weights=self)
        return network.state_dict()

    monkeypatch.setattr(MobileNet_V2_Weights, "get_state_dict", give)
    model = new_model(classes)
    load_trunk_weights(model, "imagenet")
    assert asked["weights"] is MobileNet_V2_Weights.IMAGENET1K_V1
    assert asked["check_hash"] is True
    assert_trunk_is(model, network.features, "paper")


@pytest.mark.parametrize("weights", ["imagenet", "some.pth"])
def test_a_model_without_a_trunk_takes_none(weights, small_shapes):
    with pytest.raises(UsageError, match="--weights none"):
        load_trunk_weights(small_shapes, weights)
