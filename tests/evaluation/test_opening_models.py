"""A checkpoint and its export give the same detections through the same detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from edgedet.export.from_torch import onnx_from_torch  # noqa: E402
from edgedet.models.registry import build_model, resolve_options  # noqa: E402
from edgedet.opening import open_any, resolved_device  # noqa: E402
from edgedet.runtime.boxes import iou_matrix  # noqa: E402
from edgedet.runtime.errors import DeviceError, ModelError, UsageError  # noqa: E402
from edgedet.runtime.spec import spec_to_json  # noqa: E402
from edgedet.training.checkpoint import save_checkpoint  # noqa: E402

NAME, CLASSES, OPTIONS = "multiscale_shapes", ("circle", "square"), {"imgsz": 64}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An untrained detector as .pt and as .onnx."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    model = build_model(NAME, CLASSES, OPTIONS).eval()
    state = {
        "builder": NAME,
        "class_names": list(CLASSES),
        "options": resolve_options(NAME, OPTIONS),
        "spec": spec_to_json(model.spec),
        "model": model.state_dict(),
        "ema": None,
    }
    save_checkpoint(folder / "model.pt", state)
    onnx_from_torch(model, folder / "model.onnx")
    return folder / "model.pt", folder / "model.onnx"


@pytest.fixture
def image_bgr() -> np.ndarray:
    """Noise: on a flat image the scores tie, and their order is anybody's."""
    return np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)


def test_checkpoint_and_export_agree(models: tuple[Path, Path], image_bgr: np.ndarray) -> None:
    settings = {"conf": 0.0, "iou": 0.6, "max_detections": 50}
    with open_any(models[0], **settings) as torch_detector:
        ours = torch_detector(image_bgr)
    with open_any(models[1], **settings) as onnx_detector:
        theirs = onnx_detector(image_bgr)
    assert len(ours) == len(theirs) == 50
    np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
    assert iou_matrix(ours.boxes_xyxy, theirs.boxes_xyxy).max(axis=1).mean() > 0.98


@pytest.mark.parametrize("index", [0, 1])
def test_thresholds_default_to_the_spec(models: tuple[Path, Path], index: int) -> None:
    with open_any(models[index]) as detector:
        assert detector.thresholds == (0.25, 0.5, 300)
    with open_any(models[index], conf=0.1, iou=0.3, max_detections=7, threads=1) as detector:
        assert detector.thresholds == (0.1, 0.3, 7)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    "wrong", [{"conf": 1.5}, {"iou": -1.0}, {"max_detections": 0}, {"threads": 0}, {"device": "x"}]
)
def test_values_out_of_range_are_refused(
    models: tuple[Path, Path], index: int, wrong: dict[str, float]
) -> None:
    with pytest.raises(UsageError):
        open_any(models[index], **wrong)


@pytest.mark.parametrize("name", ["none.pt", "none.onnx", "model.txt"])
def test_no_model_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError):
        open_any(tmp_path / name)


def test_devices() -> None:
    gpus = torch.cuda.device_count()
    assert resolved_device("a.onnx", "auto") == "cpu"
    assert resolved_device("a.onnx", "cuda") == "cuda"
    assert resolved_device("a.pt", "auto") == ("cuda" if gpus else "cpu")
    with pytest.raises(DeviceError, match=f"{gpus} CUDA devices"):
        resolved_device("a.pt", f"cuda:{gpus}")
    with pytest.raises(UsageError, match="auto, cpu, cuda"):
        resolved_device("a.pt", "mps")
    with pytest.raises(UsageError, match="auto or cpu or cuda"):
        resolved_device("a.onnx", "cuda:1")
