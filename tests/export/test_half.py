"""FP16 graphs: what is converted, what is not, and what the rehearsal sees of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from toy_detector import SIZE_HW, ToyDetector

from edgedet.calibration.layers import tail_of
from edgedet.calibration.tensors import inferred_types
from edgedet.export.from_torch import graph_from_torch
from edgedet.export.half import FLOAT, FLOAT16, elem_types, half_precision
from edgedet.export.half_proof import proven_half, rehearsal_backend, require_agreement
from edgedet.export.metadata import read_spec, write_spec
from edgedet.export.onnx_file import load_onnx, onnx_bytes, save_onnx
from edgedet.export.overflow import nodes_to_keep, scan_values
from edgedet.export.parity import compare_backends
from edgedet.export.parity_images import parity_images
from edgedet.export.rehearsal import rehearsal_of
from edgedet.export.uint8_input import with_uint8_input
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.candidate_match import FP16_BOUNDS
from edgedet.runtime.errors import ModelError
from edgedet.runtime.spec import ModelSpec

ort = pytest.importorskip("onnxruntime")
DECODING = ("Softmax", "TopK", "Exp", "GatherElements")


@pytest.fixture(scope="module", params=["float", "uint8"])
def model(request: pytest.FixtureRequest) -> onnx.ModelProto:
    graph = graph_from_torch(ToyDetector())
    return with_uint8_input(graph) if request.param == "uint8" else graph


def types_of(model: onnx.ModelProto) -> dict[str, int]:
    return elem_types(inferred_types(model).graph)


def test_the_learned_part_is_fp16_and_the_decoding_fp32(model: onnx.ModelProto) -> None:
    half = half_precision(model)
    onnx.checker.check_model(half, full_check=True)
    types = types_of(half)
    for node in half.graph.node:
        if node.op_type == "Conv":
            assert {types[name] for name in [*node.input, *node.output]} == {FLOAT16}
        if node.op_type in DECODING:
            assert FLOAT16 not in {types[name] for name in [*node.input, *node.output]}


def test_inputs_and_outputs_stay_as_they_are(model: onnx.ModelProto) -> None:
    half = half_precision(model)
    assert list(half.graph.input) == list(model.graph.input)
    assert list(half.graph.output) == list(model.graph.output)
    assert read_spec(half).provenance["precision"] == "float16"
    assert read_spec(half)._replace(provenance={}) == read_spec(model)._replace(provenance={})


def test_weights_take_half_the_room_and_the_model_is_untouched(model: onnx.ModelProto) -> None:
    before = onnx_bytes(model)
    half = half_precision(model)
    assert onnx_bytes(model) == before
    assert onnx_bytes(half_precision(model)) == onnx_bytes(half)
    large = [tensor for tensor in half.graph.initializer if len(tensor.dims) == 4]
    assert large
    assert {tensor.data_type for tensor in large} <= {FLOAT, FLOAT16}
    assert not [t.name for t in large if t.data_type == FLOAT and t.name != "mean"]


def test_no_value_is_rounded_between_two_nodes_in_fp32(model: onnx.ModelProto) -> None:
    """What the maintained converters do: a cast to FP16 and straight back."""
    half = half_precision(model)
    casts = {n.output[0]: n for n in half.graph.node if n.op_type == "Cast"}
    types = types_of(half)
    for node in casts.values():
        source = casts.get(node.input[0])
        if source is not None and types[node.output[0]] == FLOAT:
            assert types[source.output[0]] != FLOAT16


def test_onnx_runtime_runs_it_and_parity_is_inside_the_bounds(
    model: onnx.ModelProto, tmp_path: Path
) -> None:
    save_onnx(model, tmp_path / "model.onnx")
    save_onnx(half_precision(model), tmp_path / "half.onnx")
    frames = parity_images(SIZE_HW)
    with (
        OnnxRuntimeBackend(tmp_path / "model.onnx", threads=1) as reference,
        OnnxRuntimeBackend(tmp_path / "half.onnx", threads=1) as half,
    ):
        assert compare_backends(reference, half, frames, FP16_BOUNDS).passed
    proof = proven_half(tmp_path / "model.onnx", lambda: frames)
    assert proof.overflows == ()
    assert 0 < proof.nodes_fp32 < proof.nodes
    assert 0 < proof.parity.mean_box_px < 0.5


def chain(scale: float, *, opset: int = 13) -> onnx.ModelProto:
    """images -> Conv times `scale` -> Relu -> Conv divided by `scale` -> the outputs."""
    value = helper.make_tensor_value_info
    weights = {
        "up": np.full((3, 3, 1, 1), scale, np.float32),
        "down": np.full((4, 3, 1, 1), 1 / scale, np.float32),
        "rows": np.array([1, 4, 4], np.int64),
        "two": np.array([2], np.float32),
    }
    make = helper.make_node
    nodes = [
        make("Conv", ["images", "up"], ["large"], name="first"),
        make("Relu", ["large"], ["positive"], name="gate"),
        make("Conv", ["positive", "down"], ["map"], name="second"),
        make("Reshape", ["map", "rows"], ["table"], name="shape"),
        make("Transpose", ["table"], ["turned"], name="turn", perm=[0, 2, 1]),
        make("Mul", ["turned", "two"], ["boxes_xyxy"], name="scale"),
        make("ReduceMax", ["boxes_xyxy"], ["scores"], name="best", axes=[2], keepdims=0),
        make("ArgMax", ["boxes_xyxy"], ["labels"], name="label", axis=2, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "chain",
        [value("images", TensorProto.FLOAT, [1, 3, 2, 2])],
        [
            value("boxes_xyxy", TensorProto.FLOAT, [1, 4, 4]),
            value("scores", TensorProto.FLOAT, [1, 4]),
            value("labels", TensorProto.INT64, [1, 4]),
        ],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    write_spec(made, ModelSpec(("a", "b", "c", "d"), (2, 2)))
    return made


WHITE = np.full((2, 2, 3), 255, np.uint8)


def run(model: onnx.ModelProto) -> np.ndarray:
    session = ort.InferenceSession(onnx_bytes(model), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["boxes_xyxy"], {"images": np.ones((1, 3, 2, 2), np.float32)})[
        0
    ]
    return found


def test_the_scan_finds_the_largest_value_of_each_tensor() -> None:
    scan = scan_values(chain(1000.0), [WHITE, np.zeros_like(WHITE)])
    assert scan.images == 2
    assert scan.largest["large"] == pytest.approx(3000)
    assert scan.largest["boxes_xyxy"] == pytest.approx(18)
    assert scan.largest["up"] == 1000


def test_what_would_overflow_stays_in_fp32_and_the_rest_not() -> None:
    model = chain(30000.0)
    kept, found = nodes_to_keep(model, scan_values(model, [WHITE]))
    names = [model.graph.node[index].name for index in sorted(kept)]
    assert names == ["first", "gate", "second"]
    assert {overflow.tensor for overflow in found} == {"up", "large", "positive"}
    assert found[0].node == "Conv first"
    types = types_of(half_precision(model, kept))
    assert types["large"] == types["positive"] == FLOAT
    np.testing.assert_allclose(run(rehearsal_of(half_precision(model, kept))), 18, rtol=1e-3)


def test_only_the_rehearsal_sees_an_overflow() -> None:
    """ONNX Runtime computes an FP16 graph in FP32 on this CPU; a GPU would not."""
    half = half_precision(chain(30000.0))
    assert np.isinf(run(rehearsal_of(half))).all()


def test_small_values_need_nothing() -> None:
    model = chain(10.0)
    assert nodes_to_keep(model, scan_values(model, [WHITE])) == (set(), [])


def test_infinite_values_are_an_error_of_the_model() -> None:
    with pytest.raises(ModelError, match="finite values in FP32, found inf in the tensor large"):
        scan_values(chain(3e38), [WHITE])


def test_a_proof_that_fails_says_so(tmp_path: Path) -> None:
    """Kept in FP16 by force, the same model is refused."""
    model = chain(30000.0)
    save_onnx(model, tmp_path / "model.onnx")
    with (
        rehearsal_backend(half_precision(model)) as rehearsal,
        OnnxRuntimeBackend(tmp_path / "model.onnx") as reference,
    ):
        parity = compare_backends(reference, rehearsal, [WHITE], FP16_BOUNDS)
    with pytest.raises(ModelError, match="agree with FP32.*--precision fp32"):
        require_agreement(parity)
    assert proven_half(tmp_path / "model.onnx", lambda: [WHITE]).nodes_fp32 == 6


def test_the_tail_begins_behind_the_last_moves() -> None:
    graph = chain(1.0).graph
    assert [graph.node[index].name for index in sorted(tail_of(graph))] == [
        "scale",
        "best",
        "label",
    ]


def test_an_operator_without_fp16_stays_in_fp32() -> None:
    """And an input that is FP32 by definition, such as the scales of Resize, as well."""
    model = chain(1.0)
    scales = numpy_helper.from_array(np.array([1, 1, 1, 1], np.float32), "scales")
    model.graph.initializer.append(scales)
    resize = helper.make_node("Resize", ["positive", "", "scales"], ["same"], name="resize")
    model.graph.node.insert(2, resize)
    model.graph.node[3].input[0] = "same"
    half = half_precision(model)
    onnx.checker.check_model(half, full_check=True)
    changed = next(node for node in half.graph.node if node.op_type == "Resize")
    types = types_of(half)
    assert [types[changed.input[0]], types[changed.input[2]]] == [FLOAT16, FLOAT]
    np.testing.assert_allclose(run(rehearsal_of(half)), 18, rtol=1e-3)


def test_a_constant_that_both_parts_read_stays_exact_where_it_is_fp32() -> None:
    model = chain(1.0)
    exact = 1 + 2.0**-20
    model.graph.initializer.append(numpy_helper.from_array(np.array(exact, np.float32), "both"))
    model.graph.node.insert(1, helper.make_node("Mul", ["large", "both"], ["scaled"], name="in"))
    model.graph.node[2].input[0] = "scaled"
    model.graph.node[6].input[1] = "both"
    half = half_precision(model)
    values = {t.name: numpy_helper.to_array(t) for t in half.graph.initializer}
    assert values["both"] == np.float32(exact)
    assert values["both_fp16"] == 1


def test_constants_that_are_listed_as_inputs_need_no_feeding(tmp_path: Path) -> None:
    """As exporters before IR version 4 wrote them, before the image or behind it."""
    for place in (0, 1):
        model = chain(2.0)
        for tensor in model.graph.initializer:
            value = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            model.graph.input.insert(place, value)
        save_onnx(model, tmp_path / "model.onnx")
        half = proven_half(tmp_path / "model.onnx", lambda: [WHITE]).graph
        known = {tensor.name for tensor in half.graph.initializer}
        assert [v.name for v in half.graph.input if v.name not in known] == ["images"]
        np.testing.assert_allclose(run(rehearsal_of(half)), 18, rtol=1e-3)


def test_outputs_that_nobody_asks_for_and_empty_constants_are_no_tensors(tmp_path: Path) -> None:
    model = chain(1.0)
    make, array = helper.make_node, numpy_helper.from_array
    model.graph.node[1].op_type = "Dropout"
    model.graph.node[1].output.append("")
    model.graph.node.insert(2, make("Constant", [], ["roi"], value=array(np.zeros(0, np.float32))))
    model.graph.initializer.append(array(np.ones(4, np.float32), "scales"))
    model.graph.node.insert(3, make("Resize", ["positive", "roi", "scales"], ["same"]))
    model.graph.node[4].input[0] = "same"
    save_onnx(model, tmp_path / "model.onnx")
    assert proven_half(tmp_path / "model.onnx", lambda: [WHITE]).overflows == ()


@pytest.mark.parametrize("name", ["large_size", "large_largest", "large_exact", "large_rounded"])
def test_any_name_may_be_taken_already(name: str, tmp_path: Path) -> None:
    model = chain(1.0)
    model.graph.node[1].output[0] = model.graph.node[2].input[0] = name
    save_onnx(model, tmp_path / "model.onnx")
    assert proven_half(tmp_path / "model.onnx", lambda: [WHITE]).overflows == ()


def test_equal_models_give_equal_files_in_every_process() -> None:
    """The order of a set of names differs from one process to the next."""
    model = chain(2.0)
    for name in ("large", "positive", "map", "table", "turned"):
        model.graph.output.append(helper.make_tensor_value_info(name, FLOAT, None))
    half = half_precision(model)
    casts = [node.output[0] for node in half.graph.node if node.op_type == "Cast"]
    assert casts[-5:] == ["turned", "large", "positive", "map", "table"]


def test_a_type_that_an_attribute_says_stays() -> None:
    model = chain(1.0)
    like = helper.make_node("RandomUniformLike", ["positive"], ["noise"], dtype=FLOAT)
    model.graph.node.insert(2, like)
    model.graph.node.insert(3, helper.make_node("Add", ["positive", "noise"], ["sum"]))
    model.graph.node[4].input[0] = "sum"
    half = half_precision(model)
    onnx.checker.check_model(half, full_check=True)
    assert types_of(half)["noise"] == FLOAT


def reverse(graph: onnx.GraphProto) -> None:
    nodes = list(graph.node)[::-1]
    del graph.node[:]
    graph.node.extend(nodes)


def circle(graph: onnx.GraphProto) -> None:
    graph.node[0].input[0] = "map"


def dynamic_batch(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"


def no_input(graph: onnx.GraphProto) -> None:
    del graph.input[:]


def no_outputs(graph: onnx.GraphProto) -> None:
    del graph.output[:]


def unknown_operator(graph: onnx.GraphProto) -> None:
    graph.node[0].op_type = "Conw"


def short_weights(graph: onnx.GraphProto) -> None:
    graph.initializer[0].raw_data = b"123"


def two_of_one_name(graph: onnx.GraphProto) -> None:
    graph.node[2].output[0] = "large"


SPOILERS = (
    reverse,
    circle,
    dynamic_batch,
    no_input,
    no_outputs,
    unknown_operator,
    short_weights,
    two_of_one_name,
)


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda function: function.__name__)
def test_a_graph_that_is_wrong_is_an_error_of_the_model(
    spoil: Callable[[onnx.GraphProto], None], tmp_path: Path
) -> None:
    model = chain(1.0)
    spoil(model.graph)
    save_onnx(model, tmp_path / "model.onnx")
    with pytest.raises(ModelError):
        proven_half(tmp_path / "model.onnx", lambda: [WHITE])


def place(tensor: onnx.TensorProto, **entries: str) -> None:
    """Say that the tensor stands in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)


@pytest.mark.parametrize(
    "entries",
    [
        {"location": "../outside.bin"},
        {"location": "/etc/passwd"},
        {"location": "absent.bin"},
        {"location": "weights.bin", "offset": "text"},
        {"location": "weights.bin", "offset": "999"},
        {"location": "weights.bin", "length": "999999"},
        {},
    ],
)
def test_weights_that_cannot_be_read_are_an_error_of_the_model(
    entries: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "outside.bin").write_bytes(bytes(36))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(bytes(36))
    model = chain(1.0)
    place(model.graph.initializer[0], **entries)
    path = tmp_path / "model" / "model.onnx"
    save_onnx(model, path)
    with pytest.raises(ModelError, match="weights of .* in files beside it"):
        load_onnx(path)


def test_what_is_half_already_is_refused() -> None:
    with pytest.raises(ModelError, match="a graph in FP32"):
        half_precision(half_precision(chain(1.0)))


def branch(name: str) -> onnx.GraphProto:
    constant = numpy_helper.from_array(np.ones(1, np.float32))
    node = helper.make_node("Constant", [], [name], value=constant)
    output = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])
    return helper.make_graph([node], name, [], [output])


def test_branches_are_refused() -> None:
    model = chain(1.0)
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    branches = {"then_branch": branch("a"), "else_branch": branch("b")}
    model.graph.node.append(helper.make_node("If", ["yes"], ["c"], name="choice", **branches))
    with pytest.raises(ModelError, match="without branches, found If choice"):
        half_precision(model)
