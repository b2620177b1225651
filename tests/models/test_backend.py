import numpy as np
import pytest
import torch

from edgedet.models.backend import TorchBackend
from edgedet.models.registry import build_model


@pytest.mark.parametrize("name", ["scale_aware_ssd", "multiscale_shapes"])
@pytest.mark.parametrize("n", [1, 3])
def test_backend_returns_what_the_model_predicts(name, n, classes):
    torch.manual_seed(0)
    model = build_model(name, classes, {"imgsz": 64}).eval()
    batch = np.random.default_rng(0).random((n, 3, 64, 64), dtype=np.float32)
    with torch.no_grad():
        expected = model.predict(torch.from_numpy(batch))
    found = TorchBackend(model, batch=n).infer(batch)
    assert [type(array) for array in found] == [np.ndarray] * 3
    assert [array.dtype for array in found] == [np.float32, np.float32, np.int64]
    assert np.allclose(found[1], expected[1], atol=1e-5)
    for got, wanted in zip(found, expected, strict=True):
        assert got.shape == tuple(wanted.shape)
    best = found[1][:, 0] - found[1][:, 1] > 1e-5
    assert np.allclose(found[0][best, 0], expected[0].numpy()[best, 0], atol=1e-2)
    assert np.array_equal(found[2][best, 0], expected[2].numpy()[best, 0])


def test_backend_keeps_the_spec_and_tells_its_batch(classes):
    model = build_model("scale_aware_ssd", classes, {"imgsz": 64})
    backend = TorchBackend(model)
    assert backend.spec is model.spec
    assert backend.batch == 1
    assert TorchBackend(model, batch=4).batch == 4
    backend.close()


def test_backend_puts_the_model_into_evaluation(classes):
    """Otherwise a prediction would move the batch norms' statistics."""
    model = build_model("scale_aware_ssd", classes, {"imgsz": 64}).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    batch = np.random.default_rng(0).random((2, 3, 64, 64), dtype=np.float32)
    backend = TorchBackend(model, batch=2)
    first, again = backend.infer(batch), backend.infer(batch)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
