"""The reader of ONNX files against the `onnx` package, and against bytes that are no ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgedet.runtime.errors import ModelError
from edgedet.runtime.onnx_facts import node_label, onnx_facts, weight_files
from edgedet.runtime.protobuf_wire import Message, WireError


def tensor(name: str, *dims: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.zeros(dims, np.float32), name)


def model() -> onnx.ModelProto:
    """A convolution with bias between a dynamic input and an output of unknown type."""
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w", "b"], ["y"]), helper.make_node("Neg", ["y"], ["z"])],
        "small",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["batch", 3, None, 8]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3, 1, 1]),
        ],
        [onnx.ValueInfoProto(name="z")],
        [tensor("w", 4, 3, 1, 1), tensor("b", 4), tensor("unused", 99)],
    )
    opsets = [helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("", 12)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=7, producer_name="me")
    helper.set_model_props(made, {"edgedet.spec": "{}", "other": "é"})
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    onnx.save(model(), tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def test_facts(path: Path) -> None:
    assert onnx_facts(path) == {
        "producer": "me",
        "opset": 12,
        "ir_version": 7,
        "nodes": 2,
        "parameters": 16,
        "inputs": [{"name": "x", "dtype": "float16", "shape": ["batch", 3, "?", 8]}],
        "outputs": [{"name": "z", "dtype": "no tensor", "shape": []}],
        "spec_text": "{}",
    }


def test_a_foreign_model_has_no_spec(path: Path) -> None:
    foreign = model()
    del foreign.metadata_props[:]
    onnx.save(foreign, path)
    assert onnx_facts(path)["spec_text"] is None


def test_a_node_is_named_by_its_index(path: Path) -> None:
    assert node_label(path, 1) == "Neg number 1"
    assert node_label(path, 9) == "number 9"
    assert node_label(path.with_name("absent.onnx"), 0) == "number 0"
    named = model()
    named.graph.node[0].name = "/stem/Conv"
    onnx.save(named, path)
    assert node_label(path, 0) == "Conv /stem/Conv"


def test_a_negative_length_is_no_large_one(path: Path) -> None:
    dynamic = model()
    dynamic.graph.input[0].type.tensor_type.shape.dim[2].dim_value = -1
    onnx.save(dynamic, path)
    assert onnx_facts(path)["inputs"][0]["shape"] == ["batch", 3, -1, 8]


def elsewhere(location: str) -> onnx.TensorProto:
    moved = TensorProto(name=location, data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    moved.external_data.add(key="location", value=location)
    return moved


def test_files_of_weights_are_found_wherever_a_constant_may_stand(path: Path) -> None:
    assert weight_files(path) == []
    moved = model()
    moved.graph.initializer.append(elsewhere("a.bin"))
    constant = helper.make_node("Constant", [], ["c"], value=elsewhere("deep/b.bin"))
    body = helper.make_graph([constant], "body", [], [onnx.ValueInfoProto(name="c")])
    moved.graph.node.append(
        helper.make_node("If", ["w"], ["d"], then_branch=body, else_branch=body)
    )
    onnx.save_model(moved, str(path))
    (path.parent / "deep").mkdir()
    for name in ("a.bin", "deep/b.bin"):
        (path.parent / name).write_bytes(b"1234")
    assert weight_files(path) == ["a.bin", "deep/b.bin"]


@pytest.mark.parametrize("location", ["absent.bin", "../secret.bin", "/dev/null", "", "."])
def test_files_of_weights_stand_beside_the_model(path: Path, location: str) -> None:
    (path.parent / "folder").mkdir()
    (path.parent / "secret.bin").touch()
    moved = model()
    moved.graph.initializer.append(elsewhere(location))
    inside = path.parent / "folder" / "small.onnx"
    inside.write_bytes(moved.SerializeToString())
    with pytest.raises(ModelError, match="the weights of .* beside it"):
        weight_files(inside)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match="an ONNX file"):
        onnx_facts(path)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        message = Message(memoryview(data))
        message.messages(7)
        message.texts(2)
        message.numbers(1)
    except WireError:
        pass


@given(value=st.integers(0, 2**63 - 1), text=st.text(max_size=300))
def test_reads_what_protobuf_writes(value: int, text: str) -> None:
    written = onnx.ModelProto(model_version=value, producer_name=text).SerializeToString()
    message = Message(memoryview(written))
    assert message.number(5) == value
    assert message.text(2) == text
    assert not message.has(7)


@given(dims=st.lists(st.integers(0, 2**40), max_size=5))
def test_numbers_are_read_packed_and_single(dims: list[int]) -> None:
    single = onnx.TensorProto(dims=dims).SerializeToString()
    packed = onnx.TensorProto(int64_data=dims).SerializeToString()
    assert Message(memoryview(single)).numbers(1) == dims
    assert Message(memoryview(packed)).numbers(7) == dims
