"""Where INT8 stands in the graph, and that it computes what a slow reference does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from int8_networks import (
    HEAD,
    LAYERS,
    amax_of,
    constants,
    forward,
    images,
    model_of,
    named,
    network,
    node_named,
    nodes_of,
    producers,
    ranges,
    round_int8,
    round_uint8,
    round_weights,
    run,
    weights_of,
)
from onnx import TensorProto, helper, numpy_helper

from edgedet.calibration.qdq import int8_layer_names, qdq_model
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.runtime.model_reference import REFERENCE_KEY
from edgedet.runtime.spec import SPEC_KEY, ModelSpec, spec_from_json, spec_to_json
from edgedet.runtime.tensorrt_flavour import open_flavour

FLOAT_TENSORS = forward(images(), weights_of())
AMAX, RANGES = amax_of(FLOAT_TENSORS), ranges(FLOAT_TENSORS)


def read_by(model: onnx.ModelProto, name: str, place: int) -> str:
    """The operator that makes an input of a node; constant for one of the file."""
    source = node_named(model, name).input[place]
    return producers(model)[source].op_type if source in producers(model) else "constant"


def tensorrt_form(**options: object) -> onnx.ModelProto:
    return qdq_model(network(), AMAX, "tensorrt", **options)  # type: ignore[arg-type]


def cpu_form(**options: object) -> onnx.ModelProto:
    return qdq_model(network(), AMAX, "cpu", clips=RANGES, **options)  # type: ignore[arg-type]


def test_a_layer_of_tensorrt_reads_int8_and_its_bias_in_float() -> None:
    model = tensorrt_form()
    onnx.checker.check_model(model, full_check=True)
    for name in LAYERS:
        sources = [read_by(model, name, place) for place in range(3)]
        assert sources == ["DequantizeLinear", "DequantizeLinear", "constant"]
    assert [read_by(model, HEAD, place) for place in range(3)] == ["Add", "constant", "constant"]


def test_everything_of_tensorrt_is_symmetric_int8() -> None:
    model = tensorrt_form()
    for node in [*nodes_of(model, "QuantizeLinear"), *nodes_of(model, "DequantizeLinear")]:
        zero_point = constants(model)[node.input[2]]
        assert zero_point.dtype == np.int8
        assert not zero_point.any()
        assert np.all(constants(model)[node.input[1]] > 0)


def test_weights_stand_in_the_file_as_int8_with_a_scale_for_each_channel() -> None:
    for model in (tensorrt_form(), cpu_form()):
        for name in LAYERS:
            node = producers(model)[node_named(model, name).input[1]]
            codes, scales = (constants(model)[place] for place in node.input[:2])
            assert codes.dtype == np.int8
            assert codes.min() >= -127
            assert scales.shape == codes.shape[:1]
            assert node.attribute[0].i == 0
            kept = codes * scales.reshape(-1, 1, 1, 1)
            np.testing.assert_allclose(kept, round_weights(weights_of()[name]), rtol=1e-6)


def test_one_side_of_a_sum_is_int8_and_the_other_is_fused_into_the_layer_before_it() -> None:
    total = nodes_of(tensorrt_form(), "Add")[0]
    assert list(total.input) == ["project_dequantized", "narrow"]


def test_no_tensor_has_two_pairs_and_no_constant_has_one() -> None:
    for model in (tensorrt_form(), cpu_form()):
        quantised = [node.input[0] for node in nodes_of(model, "QuantizeLinear")]
        assert len(set(quantised)) == len(quantised)
        assert not constants(model).keys() & set(quantised)


def test_tensorrt_form_computes_what_the_reference_does() -> None:
    weights = weights_of()
    rounded = {**weights, **{name: round_weights(weights[name]) for name in LAYERS}}

    def read(name: str, values: np.ndarray) -> np.ndarray:
        return round_int8(values, AMAX[name])

    wanted = forward(images(), rounded, read, read)["out"]
    found = run(tensorrt_form(), images(), optimised=False)[0][0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert np.abs(found - FLOAT_TENSORS["out"]).max() > 1e-4  # it is not the float network


def test_what_lies_between_layers_of_the_cpu_is_uint8() -> None:
    model = cpu_form()
    onnx.checker.check_model(model, full_check=True)
    assert not nodes_of(model, "Clip")
    assert not nodes_of(model, "Relu")
    for name in (*LAYERS, HEAD, nodes_of(model, "Add")[0].name):
        node = node_named(model, name)
        readers = [other for other in model.graph.node if node.output[0] in other.input]
        assert [reader.op_type for reader in readers] == ["QuantizeLinear"]
        assert all(producers(model)[i].op_type == "DequantizeLinear" for i in node.input)
    for node in nodes_of(model, "QuantizeLinear"):
        assert constants(model)[node.input[2]].dtype == np.uint8


def test_a_bias_of_the_cpu_is_int32_in_the_codes_of_the_sum() -> None:
    model = cpu_form()
    for name in LAYERS:
        inputs = [producers(model)[source] for source in node_named(model, name).input]
        image, weight, bias = ([constants(model).get(i) for i in node.input] for node in inputs)
        assert bias[0].dtype == np.int32
        np.testing.assert_allclose(bias[1], image[1] * weight[1], rtol=1e-6)
        wanted = weights_of()[f"{name}_bias"]
        np.testing.assert_allclose(bias[0] * bias[1], wanted, atol=bias[1].max())


def test_cpu_form_computes_what_the_reference_does() -> None:
    weights = weights_of()
    rounded = {**weights, **{name: round_weights(weights[name]) for name in LAYERS}}
    bounds = {**RANGES, "stem_six": (0, RANGES["stem_six"][1])}

    def read(name: str, values: np.ndarray) -> np.ndarray:
        return round_uint8(values, *bounds[name])

    tensors = forward(images(), rounded, read, read)
    total = tensors["sum"] - tensors["narrow"] + read("narrow", tensors["narrow"])
    step = (RANGES["sum"][1] - RANGES["sum"][0]) / 255
    model = cpu_form(float_layers={HEAD})
    model.graph.output.append(helper.make_tensor_value_info("sum_dequantized", 1, None))
    for optimised in (False, True):
        found = run(model, images(), optimised=optimised)[1][0]
        assert np.abs(found - read("sum", total)).max() <= 2.01 * step
        assert (np.abs(found - read("sum", total)) < step / 2).mean() > 0.9


def as_run(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """Return the graph that ONNX Runtime makes of the model."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(folder / "seen.onnx")
    ort.InferenceSession(model.SerializeToString(), options)
    return onnx.load(folder / "seen.onnx")


@pytest.mark.parametrize("kept", [*LAYERS, HEAD])
def test_a_layer_in_float_is_float_in_onnx_runtime(kept: str, tmp_path: Path) -> None:
    """Left to itself it quantises the weights behind a DQ with one scale for all channels."""
    seen = as_run(cpu_form(float_layers={kept}), tmp_path)
    assert len(nodes_of(seen, "QLinearConv")) == len(LAYERS)
    floats = [*nodes_of(seen, "Conv"), *nodes_of(seen, "FusedConv")]
    assert [constants(seen)[node.input[1]].dtype for node in floats] == [np.float32]


def test_onnx_runtime_computes_the_cpu_form_in_its_int8_kernels(tmp_path: Path) -> None:
    seen = as_run(cpu_form(), tmp_path)
    assert len(nodes_of(seen, "QLinearConv")) == len(LAYERS) + 1
    assert len(nodes_of(seen, "QLinearAdd")) == 1
    assert not nodes_of(seen, "Conv")
    assert len(nodes_of(seen, "QuantizeLinear")) == len(nodes_of(seen, "DequantizeLinear")) == 1


def test_scales_are_those_of_onnx_runtimes_quantizer(tmp_path: Path) -> None:
    """Its class is no public interface: it is compared with where it still takes these."""
    quantizer = pytest.importorskip("onnxruntime.quantization.qdq_quantizer")
    calibrate = pytest.importorskip("onnxruntime.quantization.calibrate")
    method = calibrate.CalibrationMethod.MinMax
    pairs = {name: (np.float32(a), np.float32(b)) for name, (a, b) in RANGES.items()}
    kinds = (TensorProto.INT8, TensorProto.UINT8)
    ops = ["Conv", "Add", "Clip", "Relu"]
    theirs = quantizer.QDQQuantizer(
        network(), True, False, *kinds, calibrate.TensorsData(method, pairs), [], [], ops, {}
    )
    theirs.quantize_model()
    found, ours = constants(theirs.model.model), constants(cpu_form())
    compared = 0
    for name in RANGES:
        if f"{name}_scale" in ours and f"{name}_scale" in found:
            np.testing.assert_allclose(ours[f"{name}_scale"], found[f"{name}_scale"], rtol=1e-6)
            assert ours[f"{name}_zero_point"] == found[f"{name}_zero_point"]
            compared += 1
    assert compared >= 5
    for name in LAYERS:
        weights = f"{name}_weight"
        np.testing.assert_array_equal(ours[f"{weights}_quantized"], found[f"{weights}_quantized"])


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
@pytest.mark.parametrize("kept", LAYERS)
def test_a_layer_can_stay_in_float(form: str, kept: str) -> None:
    model = qdq_model(network(), AMAX, form, {kept}, clips=RANGES)  # type: ignore[arg-type]
    onnx.checker.check_model(model, full_check=True)
    assert [read_by(model, kept, place) for place in (1, 2)] == ["constant", "constant"]
    others = [name for name in LAYERS if name != kept]
    assert all(read_by(model, name, 1) == "DequantizeLinear" for name in others)
    assert np.isfinite(run(model, images())[0]).all()


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
def test_with_every_layer_in_float_nothing_changes(form: str) -> None:
    names = int8_layer_names(network(), form)  # type: ignore[arg-type]
    model = qdq_model(network(), {}, form, names)  # type: ignore[arg-type]
    assert model.SerializeToString() == network().SerializeToString()


def test_the_head_is_float_for_tensorrt_and_int8_for_the_cpu() -> None:
    assert int8_layer_names(network(), "tensorrt") == LAYERS
    assert int8_layer_names(network(), "cpu") == (*LAYERS, HEAD)
    assert read_by(cpu_form(float_layers={HEAD}), HEAD, 1) == "constant"


def test_without_clips_only_what_relu_bounds_is_known_not_to_be_negative() -> None:
    found = constants(qdq_model(network(), AMAX, "cpu"))
    points = {name: int(found[f"{name}_zero_point"]) for name in ("images", "project", "sum")}
    assert set(points.values()) == {128}
    for name in ("stem_six", "depthwise_six", "widen_relu"):
        assert found[f"{name}_zero_point"] == 0
        np.testing.assert_allclose(found[f"{name}_scale"], AMAX[name] / 255, rtol=1e-6)


def test_metadata_stays_and_the_spec_says_int8() -> None:
    model = network()
    spec = ModelSpec(class_names=("a",), size_hw=(8, 8), provenance={"licence": "CC0"})
    model.metadata_props.add(key=SPEC_KEY, value=spec_to_json(spec))
    model.metadata_props.add(key=REFERENCE_KEY, value="answers")
    found = {entry.key: entry.value for entry in qdq_model(model, AMAX, "cpu").metadata_props}
    told = {"licence": "CC0", "precision": "int8", "int8_form": "cpu"}
    assert spec_from_json(found[SPEC_KEY]) == spec._replace(provenance=told)
    assert found[REFERENCE_KEY] == "answers"


def test_the_model_that_was_given_stays_as_it_was() -> None:
    model = network()
    before = model.SerializeToString()
    qdq_model(model, AMAX, "cpu")
    assert model.SerializeToString() == before


def test_equal_calls_give_equal_files() -> None:
    assert cpu_form().SerializeToString() == cpu_form().SerializeToString()


def test_names_that_are_taken_are_not_taken_again() -> None:
    model = network()
    model.graph.node[0].output[0] = model.graph.node[1].input[0] = "images_quantized"
    for form in ("tensorrt", "cpu"):
        changed = qdq_model(model, AMAX | {"images_quantized": 1.0}, form)  # type: ignore[arg-type]
        onnx.checker.check_model(changed, full_check=True)


def between(*nodes: onnx.NodeProto, last: str) -> onnx.ModelProto:
    """conv -> nodes -> conv -> out, quantised for the CPU."""
    weights = {
        "stem": weights_of()["stem"],
        "stem_bias": weights_of()["stem_bias"],
        "after": np.ones((2, 4, 1, 1), np.float32),
        "low": np.float32(-1),
        "zero": np.float32(0),
        "high": np.float32(1),
    }
    chain = [
        named("Conv", ["images", "stem_weight", "stem_bias"], "stem"),
        *nodes,
        named("Conv", [last, "after"], "out"),
    ]
    model = model_of(chain, weights, [1, 3, 8, 8])
    return qdq_model(model, dict.fromkeys(["images", "stem", "a", "b", "c", "out"], 2.0), "cpu")


def test_a_clip_stays_where_codes_do_not_end_at_its_bounds() -> None:
    model = between(named("Clip", ["stem", "low", "high"], "a"), last="a")
    assert read_by(model, nodes_of(model, "Clip")[0].name, 0) == "DequantizeLinear"
    found = run(model, images())[0]
    assert np.abs(found).max() <= 4.05


def test_a_relu_stays_where_others_read_what_it_bounds() -> None:
    relu = named("Relu", ["stem"], "a")
    total = named("Add", ["stem", "a"], "b")
    model = between(relu, total, last="b")
    assert len(nodes_of(model, "Relu")) == 1
    assert constants(model)["a_zero_point"] == 0


def test_of_two_bounds_in_a_row_the_second_stays() -> None:
    """The codes of one tensor end at one pair of bounds."""
    relu, clip = named("Relu", ["stem"], "a"), named("Clip", ["a", "zero", "high"], "b")
    model = between(relu, clip, last="b")
    onnx.checker.check_model(model, full_check=True)
    assert not nodes_of(model, "Relu")
    assert read_by(model, "b", 0) == "DequantizeLinear"
    assert np.abs(run(model, images())[0]).max() <= 4.05


def test_a_bound_that_makes_an_output_stays() -> None:
    model = network()
    model.graph.output.append(helper.make_tensor_value_info("stem_six", 1, None))
    changed = qdq_model(model, AMAX, "cpu", clips=RANGES)
    np.testing.assert_allclose(run(changed, images())[1][0], FLOAT_TENSORS["stem_six"], atol=0.3)


def test_codes_that_are_only_moved_mean_the_same_before_and_after() -> None:
    pool = named("MaxPool", ["stem"], "a", kernel_shape=[2, 2])
    model = between(pool, last="a")
    assert constants(model)["a_scale"] == constants(model)["stem_scale"]
    assert constants(model)["a_zero_point"] == constants(model)["stem_zero_point"]


def test_what_has_no_int8_kernel_reads_and_gives_float() -> None:
    model = between(named("Exp", ["stem"], "a"), last="a")
    exponent = nodes_of(model, "Exp")[0]
    assert producers(model)[exponent.input[0]].op_type == "DequantizeLinear"
    assert "a" in [node.input[0] for node in nodes_of(model, "QuantizeLinear")]


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
@pytest.mark.parametrize("shape", [(8,), (3, 8, 6)])
def test_a_product_with_what_is_no_matrix_stays_in_float(form: str, shape: tuple) -> None:
    weights = {
        "weights": np.ones(shape, np.float32),
        "stem": weights_of()["stem"],
        "last": np.ones((2, 4, 1, 1), np.float32),
    }
    nodes = [
        named("MatMul", ["images", "weights"], "product"),
        named("Unsqueeze" if len(shape) == 1 else "Identity", ["product"], "whole"),
        named("Conv", ["whole", "stem_weight"], "stem"),
        named("Conv", ["stem", "last"], "out"),
    ]
    if len(shape) == 1:
        weights["axes"] = np.array([3])
        nodes[1].input.append("axes")
        weights["stem"] = weights["stem"][:, :, :1, :1]
    model = model_of(nodes, weights, [1, 3, 8, 8])
    amax = dict.fromkeys(["images", "product", "whole", "stem", "out"], 9.0)
    changed = qdq_model(model, amax, form)  # type: ignore[arg-type]
    assert read_by(changed, "product", 1) == "constant"
    assert np.isfinite(run(changed, images())[0]).all()


def test_a_channel_that_lives_by_its_bias_alone_keeps_it() -> None:
    model = network()
    weight = next(t for t in model.graph.initializer if t.name == "stem_weight")
    values = numpy_helper.to_array(weight).copy()
    values[0] = 1e-12
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    changed = qdq_model(model, AMAX, "cpu")
    node = producers(changed)[node_named(changed, "stem").input[2]]
    codes, scales = (constants(changed)[name] for name in node.input[:2])
    np.testing.assert_allclose(codes[0] * scales[0], weights_of()["stem_bias"][0], rtol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_a_channel_of_tensorrt_that_lives_by_its_bias_keeps_it_in_onnx_runtime(name: str) -> None:
    """There the gate measures it."""
    model = network()
    weight = next(t for t in model.graph.initializer if t.name == f"{name}_weight")
    values = numpy_helper.to_array(weight).copy()
    values[0] *= np.float32(1e-9)
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    changed = qdq_model(model, AMAX, "tensorrt")
    changed.graph.output.append(helper.make_tensor_value_info(name, 1, None))
    for optimised in (False, True):
        found = run(changed, images(), optimised=optimised)[1][0, 0]
        np.testing.assert_allclose(found, weights_of()[f"{name}_bias"][0], rtol=1e-5)


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
def test_a_row_of_a_matrix_that_lives_by_its_bias_keeps_it(form: str) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(6, 3)).astype(np.float32)
    rows[0] *= np.float32(1e-9)
    weights = {"rows": rows, "bias": np.full(6, 3, np.float32), "last": np.ones((6, 2), np.float32)}
    nodes = [
        named("GlobalAveragePool", ["images"], "mean"),
        named("Flatten", ["mean"], "flat"),
        named("Gemm", ["flat", "rows", "bias"], "made", transB=1),
        named("MatMul", ["made", "last"], "table"),
        named("Unsqueeze", ["table", "axes"], "out"),
    ]
    model = model_of(nodes, weights | {"axes": np.array([2, 3])}, [1, 3, 8, 8])
    amax = dict.fromkeys(["images", "mean", "flat", "made", "table", "out"], 6.0)
    changed = qdq_model(model, amax, form, {"table"})  # type: ignore[arg-type]
    changed.graph.output.append(helper.make_tensor_value_info("made", 1, None))
    for optimised in (False, True):
        assert run(changed, images(), optimised=optimised)[1][0, 0] == pytest.approx(3, abs=0.03)


def test_tensors_without_a_scale_are_named() -> None:
    known = {name: value for name, value in AMAX.items() if name not in ("project", "stem_six")}
    with pytest.raises(ModelError, match="found none of project, stem_six"):
        qdq_model(network(), known, "tensorrt")
    for wrong in (np.nan, np.inf, -1.0):
        with pytest.raises(ModelError, match="found none of project"):
            qdq_model(network(), AMAX | {"project": wrong}, "tensorrt")
    with pytest.raises(ModelError, match="found none of images"):
        qdq_model(network(), AMAX, "cpu", clips=RANGES | {"images": (-np.inf, 1.0)})


def test_a_tensor_of_zeros_has_a_scale_all_the_same() -> None:
    found = constants(qdq_model(network(), AMAX | {"project": 0.0}, "tensorrt"))
    assert found["project_scale"] == 1


def test_names_and_forms_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UsageError, match="found no layer stern"):
        qdq_model(network(), AMAX, "cpu", {"stem", "stern"})
    with pytest.raises(UsageError, match="a form among tensorrt, cpu, found gpu"):
        qdq_model(network(), AMAX, "gpu")  # type: ignore[arg-type]


def test_graphs_that_cannot_be_quantised_are_refused() -> None:
    old = network()
    old.opset_import[0].version = 12
    with pytest.raises(ModelError, match="found opset 12"):
        qdq_model(old, AMAX, "cpu")
    with pytest.raises(ModelError, match="found one with INT8 in it"):
        qdq_model(tensorrt_form(), AMAX, "cpu")
    branch = helper.make_graph(
        [named("Relu", ["sum"], "made")],
        "branch",
        [],
        [helper.make_tensor_value_info("made", 1, None)],
    )
    choice = network()
    choice.graph.node.append(
        helper.make_node("If", ["yes"], ["either"], then_branch=branch, else_branch=branch)
    )
    with pytest.raises(ModelError, match="a graph without branches"):
        qdq_model(choice, AMAX, "cpu")


def test_tensorrt_rtx_builds_its_form() -> None:
    trt = pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed: edgedet[rtx]")
    logger = open_flavour("tensorrt_rtx").log
    builder = trt.Builder(logger)
    parsed = builder.create_network(0)
    parser = trt.OnnxParser(parsed, logger)
    assert parser.parse(tensorrt_form().SerializeToString())
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    assert builder.build_serialized_network(parsed, config) is not None
