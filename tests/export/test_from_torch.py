import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx_session import run_onnx
from toy_detector import CLASSES, SIZE_HW, ToyDetector

from edgedet.export.checks import MAX_OPSET, MIN_OPSET, dims_of, opset_of
from edgedet.export.from_torch import graph_from_torch, onnx_from_torch
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx
from edgedet.runtime.errors import ModelError, UsageError

EXPORT_TOY = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from toy_detector import ToyDetector
from edgedet.export.from_torch import onnx_from_torch
onnx_from_torch(ToyDetector(), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("opset", range(MIN_OPSET, MAX_OPSET + 1))
def test_the_file_has_the_opset_asked_for_and_an_ir_that_old_runtimes_read(
    tmp_path: Path, opset: int
) -> None:
    onnx_from_torch(ToyDetector(), tmp_path / "toy.onnx", opset=opset)
    written = onnx.load(tmp_path / "toy.onnx")
    assert opset_of(written) == opset
    assert written.ir_version <= 8


@pytest.mark.parametrize("batch", [1, 4])
def test_names_and_shapes_are_static(batch: int) -> None:
    graph = graph_from_torch(ToyDetector(), batch).graph
    assert {value.name: dims_of(value) for value in graph.input} == {"images": (batch, 3, *SIZE_HW)}
    assert {value.name: dims_of(value) for value in graph.output} == {
        "boxes_xyxy": (batch, 20, 4),
        "scores": (batch, 20),
        "labels": (batch, 20),
    }


@pytest.mark.parametrize("batch", [1, 3])
def test_the_graph_computes_what_predict_does(batch: int) -> None:
    model = ToyDetector().eval()
    images = torch.randn(batch, 3, *SIZE_HW)
    found = run_onnx(graph_from_torch(model, batch), images.numpy())
    with torch.inference_mode():
        expected = [tensor.numpy() for tensor in model.predict(images)]
    np.testing.assert_allclose(found[0], expected[0], atol=1e-4)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)
    np.testing.assert_array_equal(found[2], expected[2])


def test_the_spec_travels_with_provenance() -> None:
    spec = read_spec(graph_from_torch(ToyDetector(), provenance={"checkpoint_sha256": "ab"}))
    assert spec.class_names == CLASSES
    assert spec.size_hw == SIZE_HW
    assert spec.provenance["data"] == "toy"
    assert spec.provenance["checkpoint_sha256"] == "ab"
    assert spec.provenance["torch"] == torch.__version__
    assert set(spec.provenance) >= {"edgedet", "onnx"}


def test_the_model_is_left_as_it_was() -> None:
    model = ToyDetector().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    graph_from_torch(model)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    written = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in written:
        subprocess.run(
            [sys.executable, "-c", EXPORT_TOY, str(Path(__file__).parent), str(path)], check=True
        )
    assert written[0].read_bytes() == written[1].read_bytes()


def test_nothing_of_this_machine_is_in_the_file() -> None:
    text = json.dumps(str(graph_from_torch(ToyDetector())))
    assert str(Path(__file__).parent.parent) not in text
    assert "site-packages" not in text


def test_export_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graph_from_torch(ToyDetector())
    assert [str(entry.message) for entry in caught] == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("opset", [12, 19])
def test_an_opset_that_some_runtime_cannot_read_is_refused(opset: int) -> None:
    with pytest.raises(UsageError, match=f"found {opset}"):
        graph_from_torch(ToyDetector(), opset=opset)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(UsageError, match="--batch"):
        graph_from_torch(ToyDetector(), batch=0)


def test_a_model_that_takes_uint8_is_refused() -> None:
    model = ToyDetector()
    model.spec = model.spec._replace(input_dtype="uint8", input_layout="NHWC")
    with pytest.raises(ModelError, match="uint8"):
        graph_from_torch(model)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="can be written"):
        onnx_from_torch(ToyDetector(), tmp_path / "file" / "toy.onnx")


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x80\x02PK" * 99])
def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="holds no ONNX graph"):
        load_onnx(tmp_path / "x.onnx")


def test_a_truncated_onnx_is_refused(tmp_path: Path) -> None:
    onnx_from_torch(ToyDetector(), tmp_path / "toy.onnx")
    whole = (tmp_path / "toy.onnx").read_bytes()
    (tmp_path / "toy.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError):
        load_onnx(tmp_path / "toy.onnx")


def test_a_missing_onnx_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        load_onnx(tmp_path / "none.onnx")
