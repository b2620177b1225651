"""`edgedet train --qat --from`: what it gains, what it leaves, and how it goes on."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from fragile_detector import (
    Fragile,
    inject_outlier,
    register_fragile,
    save_fragile,
    trained_fragile,
    write_squares,
)
from training_toys import assert_same, register_toy, write_coco

from edgedet.calibration.bias_correction import channel_means
from edgedet.calibration.qdq import qdq_model
from edgedet.calibration.trained_ranges import trained_ranges
from edgedet.evaluation.coco import evaluate
from edgedet.evaluation.predictions import detect_all
from edgedet.export.from_torch import graph_from_torch
from edgedet.export.onnx_file import save_onnx
from edgedet.int8.request import Int8Request
from edgedet.int8.run import export_int8
from edgedet.model_export import Request, export_model
from edgedet.models.backend import TorchBackend
from edgedet.models.registry import MODELS
from edgedet.qat.exported_ranges import write_ranges_of
from edgedet.qat.fake_quantisation import attach_fake_quantisation
from edgedet.recipe import load_recipe
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.detector import Detector, thresholds_for
from edgedet.runtime.errors import EdgedetError, ModelError, UsageError
from edgedet.runtime.int8_scales import load_scales
from edgedet.training.checkpoint import load_checkpoint, model_from_checkpoint, save_checkpoint
from edgedet.training.interruption import Interrupted, StopRequest
from edgedet.training.labelled import open_labelled
from edgedet.training.session import Order
from edgedet.training.session import run_training as run_training_here


def run_training(given: Order) -> Path:
    folder = run_training_here(given)
    assert folder is not None
    return folder


def ap(backend: Any, data: Path) -> float:
    """AP in [0, 1] on the validation images."""
    val = open_labelled(str(data), "xywh").val
    thresholds = thresholds_for(backend.spec, 0.05)
    return evaluate(val, detect_all(Detector(backend, thresholds), val), (), 100).ap


def onnx_ap(graph: Any, data: Path, folder: Path) -> float:
    save_onnx(graph, folder / "form.onnx")
    with OnnxRuntimeBackend(folder / "form.onnx") as backend:
        return ap(backend, data)


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_squares(tmp_path_factory.mktemp("squares") / "data")


@pytest.fixture(scope="module")
def hurt(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A detector with an outlier, and its checkpoint."""
    register_fragile()
    model = trained_fragile(squares)
    before = copy.deepcopy(model)
    inject_outlier(model, 60)
    image = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model(image), before(image), rtol=1e-3, atol=1e-3)
    yield model, save_fragile(model, squares, tmp_path_factory.mktemp("hurt") / "best.pt")
    MODELS.pop("fragile")


def test_gains_what_int8_after_training_loses(
    hurt: tuple[Fragile, Path], squares: Path, tmp_path: Path
) -> None:
    """Measured on the Q/DQ form that is exported, in ONNX Runtime."""
    model, checkpoint = hurt
    file = tmp_path / "recipe.yaml"
    file.write_text("qat_method: minmax\nqat_images: 96\n")
    flags = {"qat": True, "from_checkpoint": str(checkpoint)}
    run = run_training(Order(file, flags, "cpu", tmp_path / "run"))

    trained: Any = model_from_checkpoint(run / "best.pt")
    graph = graph_from_torch(trained)
    write_ranges_of(trained, graph)
    ranges = trained_ranges(graph)
    exported = onnx_ap(qdq_model(graph, ranges, "tensorrt"), squares, tmp_path)

    untrained = graph_from_torch(model)
    after = onnx_ap(qdq_model(untrained, ranges, "tensorrt"), squares, tmp_path)
    float_ap = ap(TorchBackend(model), squares)
    assert after < float_ap - 0.05  # measured: 0.331, 0.247 and, trained, 0.31
    assert exported > (after + float_ap) / 2

    fake = copy.deepcopy(trained)
    attach_fake_quantisation(fake, trained.int8_plan)
    told = load_checkpoint(run / "best.pt")["best"]["value"]
    assert ap(TorchBackend(fake), squares) == pytest.approx(told, abs=0.005)
    assert exported == pytest.approx(told, abs=0.005)


def test_biases_need_no_correction_behind_it(
    hurt: tuple[Fragile, Path], squares: Path, tmp_path: Path
) -> None:
    """Weights that are rounded lose nothing on the mean: the export may correct as ever."""
    flags = {"qat": True, "from_checkpoint": str(hurt[1]), "epochs": 1}
    run = run_training(Order(None, flags, "cpu", tmp_path / "run"))
    model: Any = model_from_checkpoint(run / "best.pt")
    graph = graph_from_torch(model)
    write_ranges_of(model, graph)
    batches = [torch.randn(1, 3, 32, 32).numpy() for _ in range(4)]
    means = channel_means(graph, batches)
    forms = [qdq_model(graph, trained_ranges(graph), "tensorrt", means=m) for m in (None, means)]
    found = []
    for form in forms:
        save_onnx(form, tmp_path / "form.onnx")
        with OnnxRuntimeBackend(tmp_path / "form.onnx") as backend:
            found.append(backend.infer(batches[0]))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(torch.tensor(one), torch.tensor(other), rtol=1e-3, atol=1e-3)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    register_toy()
    return write_coco(tmp_path / "data")


@pytest.fixture
def toy(data: Path, tmp_path: Path) -> Path:
    """The run of a toy."""
    flags = {"model": "toy", "weights": "none", "batch": 3, "imgsz": 32, "workers": 0, "epochs": 2}
    file = tmp_path / "toy.yaml"
    file.write_text("augment: [hflip]\nprecision: bf16-mixed\neval_every: 2\nlr: 0.01\n")
    return run_training(Order(file, {**flags, "data": str(data)}, "cpu", tmp_path / "toy"))


def qat(toy: Path, out: Path, **flags: Any) -> Order:
    return Order(flags={"qat": True, "from_checkpoint": str(toy / "best.pt"), **flags}, out=out)


def test_the_recipe_is_the_checkpoints_with_few_and_small_steps(toy: Path, tmp_path: Path) -> None:
    recipe = load_recipe(run_training(qat(toy, tmp_path / "run")) / "recipe.yaml")
    assert (recipe.model, recipe.augment, recipe.batch) == ("toy", ("hflip",), 3)
    assert (recipe.epochs, recipe.precision, recipe.eval_every) == (3, "32", 1)
    assert (recipe.qat, recipe.from_checkpoint) == (True, str(toy / "best.pt"))
    assert recipe.lr == pytest.approx(0.05 * 0.01)


def test_its_own_recipe_makes_it_again(toy: Path, tmp_path: Path) -> None:
    first = run_training(qat(toy, tmp_path / "first", epochs=1, seed=4))
    again = run_training(Order(first / "recipe.yaml", {}, "cpu", tmp_path / "again"))
    assert_same(load_checkpoint(first / "best.pt"), load_checkpoint(again / "best.pt"))


def test_a_resumed_run_ends_in_the_same_bits(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_training(qat(toy, tmp_path / "whole", epochs=2))
    with monkeypatch.context() as patch:
        patch.setattr(StopRequest, "requested", True, raising=False)
        patch.setattr(StopRequest, "__init__", lambda self, until: None)
        with pytest.raises(Interrupted):
            run_training(qat(toy, tmp_path / "broken", epochs=2))
    resumed = run_training(Order(resume=tmp_path / "broken", device="cpu"))
    for name in ("model.pt", "best.pt"):
        assert_same(load_checkpoint(whole / name), load_checkpoint(resumed / name))
    state = load_checkpoint(whole / "model.pt")
    assert state["int8"]["norms"] == {"stem": "norm"}
    assert list(state["int8"]["inputs"]) == ["stem"]


def test_the_checkpoint_keeps_the_weights_that_are_trained(toy: Path, tmp_path: Path) -> None:
    """Rounded they are where a model is made of them, so that the training can go on."""
    run = run_training(qat(toy, tmp_path / "run", epochs=1))
    model: Any = model_from_checkpoint(run / "model.pt")
    saved = load_checkpoint(run / "model.pt")["ema"]
    assert list(saved) == list(model.state_dict())
    differ = [
        key for key, value in saved.items() if not torch.equal(value, model.state_dict()[key])
    ]
    assert differ == ["stem.weight"]
    assert type(model.stem) is torch.nn.Conv2d
    assert model_from_checkpoint(toy / "best.pt").int8_plan is None


def test_fine_tuning_without_int8(toy: Path, tmp_path: Path) -> None:
    """Weights and recipe are those of the checkpoint, as far as nothing else is asked."""
    flags = {"from_checkpoint": str(toy / "best.pt"), "epochs": 1}
    file = tmp_path / "slow.yaml"
    file.write_text("lr: 1.0e-9\n")
    run = run_training(Order(file, flags, "cpu", tmp_path / "run"))
    state = load_checkpoint(run / "best.pt")
    before = load_checkpoint(toy / "best.pt")["ema"]["head.weight"]
    torch.testing.assert_close(state["ema"]["head.weight"], before, rtol=1e-5, atol=1e-6)
    assert "int8" not in state
    recipe = load_recipe(run / "recipe.yaml")
    assert (recipe.precision, recipe.epochs, recipe.lr, recipe.qat) == (
        "bf16-mixed",
        1,
        1e-9,
        False,
    )


def test_fine_tuning_of_a_quantised_run_is_in_float(toy: Path, tmp_path: Path) -> None:
    first = run_training(qat(toy, tmp_path / "first", epochs=1))
    flags = {"from_checkpoint": str(first / "best.pt"), "epochs": 1}
    run = run_training(Order(None, flags, "cpu", tmp_path / "run"))
    assert "int8" not in load_checkpoint(run / "best.pt")
    again = run_training(qat(first, tmp_path / "again", epochs=1))
    rates = [load_recipe(folder / "recipe.yaml").lr for folder in (first, again)]
    assert rates[0] == rates[1]


def other_classes(data: Path) -> None:
    for split in ("train", "val"):
        path = data / "annotations" / f"{split}.json"
        path.write_text(path.read_text().replace("disc", "ring"))


def without_recipe(toy: Path) -> None:
    state = load_checkpoint(toy / "best.pt")
    del state["recipe"]
    save_checkpoint(toy / "best.pt", state)


@pytest.mark.parametrize(
    ("flags", "kind", "message"),
    [
        ({"from_checkpoint": None}, UsageError, "--from CHECKPOINT with --qat, found none"),
        ({"from_checkpoint": "missing.pt"}, ModelError, "No such file"),
        ({"model": "multiscale_shapes"}, UsageError, "--model toy, as in"),
        ({"weights": "none"}, UsageError, "--weights none beside --from"),
        ({"epochs": 0}, UsageError, "--epochs to be at least 1"),
    ],
)
def test_mistakes(
    toy: Path, tmp_path: Path, flags: dict[str, Any], kind: type[EdgedetError], message: str
) -> None:
    given = {"qat": True, "from_checkpoint": str(toy / "best.pt"), **flags}
    given = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(kind, match=message) as caught:
        run_training(Order(None, given, "cpu", tmp_path / "run"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_data_of_other_classes(toy: Path, data: Path, tmp_path: Path) -> None:
    other_classes(data)
    with pytest.raises(UsageError, match="disc, box, found ring, box"):
        run_training(qat(toy, tmp_path / "run"))


def test_a_checkpoint_without_a_recipe(toy: Path, tmp_path: Path) -> None:
    without_recipe(toy)
    with pytest.raises(ModelError, match="without a recipe"):
        run_training(qat(toy, tmp_path / "run"))


def test_resuming_without_the_ranges(toy: Path, tmp_path: Path) -> None:
    run = run_training(qat(toy, tmp_path / "run", epochs=2))
    state = load_checkpoint(run / "model.pt")
    save_checkpoint(run / "model.pt", {**state, "int8": None, "epoch": 1})
    with pytest.raises(ModelError, match="ranges of INT8"):
        run_training(Order(resume=run, device="cpu"))


def test_the_recipe_names_its_keys(toy: Path, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    for text, message in (("qat_method: median", "qat_method"), ("qat_images: 0", "qat_images")):
        file.write_text(f"{yaml.safe_dump({'qat': True})}from_checkpoint: toy/best.pt\n{text}\n")
        with pytest.raises(UsageError, match=message):
            run_training(Order(file, {}, "cpu", tmp_path / "run"))


@pytest.mark.usefixtures("without_pictures")
def test_export_takes_the_ranges_of_the_training(
    hurt: tuple[Fragile, Path], squares: Path, tmp_path: Path
) -> None:
    """The whole road: `--from`, export, INT8 behind the gate."""
    file = tmp_path / "recipe.yaml"
    file.write_text("qat_method: minmax\nqat_images: 96\n")
    flags = {"qat": True, "from_checkpoint": str(hurt[1]), "epochs": 1}
    run = run_training(Order(file, flags, "cpu", tmp_path / "run"))
    model = tmp_path / "model.onnx"
    export_model(Request(run / "best.pt", model, data=str(squares)))
    request = Int8Request(
        model=model,
        data=str(squares),
        out=tmp_path / "int8",
        forms=("tensorrt",),
        method="minmax",
        max_drop=100,
        max_drop_smallest=100,
    )
    report = export_int8(request)
    told = load_checkpoint(run / "best.pt")["best"]["value"]
    assert report.trials[0].accuracy.ap == pytest.approx(told, abs=0.005)
    assert any("those of the training in INT8" in note for note in report.notes)
    trained = load_checkpoint(run / "best.pt")["int8"]["inputs"]
    del trained["stem.0"]  # pixels: of another scale in a graph of uint8
    found = load_scales(tmp_path / "int8" / "scales.json").amax
    assert trained
    assert set(trained.values()) <= set(found.values())
