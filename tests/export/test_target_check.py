"""The gates: each condition of the facts seen in a graph of one node, and where it came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from target_cases import CASES, HARMLESS, INT64, NANO, TRT85, TRT103, k, one_node
from toy_detector import ToyDetector

from edgedet.export.from_torch import graph_from_torch
from edgedet.export.graph_view import GraphView, module_of
from edgedet.export.hazards import HAZARDS
from edgedet.export.target_check import LEVELS, Finding, check_target
from edgedet.export.targets import TARGETS, target_named
from edgedet.export.uint8_input import with_uint8_input
from edgedet.runtime.errors import UsageError


def about_nodes(model: onnx.ModelProto, target: str) -> list[Finding]:
    found = check_target(model, target_named(target))
    return [finding for finding in found if finding.operator not in ("graph", "input", "output")]


@pytest.mark.parametrize(
    ("level", "words", "target", "model"), CASES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_each_condition_is_seen(
    level: str, words: str, target: str, model: onnx.ModelProto
) -> None:
    found = about_nodes(model, target)
    (finding,) = [f for f in found if words in f.why and f.level == level] or [None]
    assert finding is not None, [f.text for f in found]
    assert finding.operator == model.graph.node[0].op_type
    assert finding.module == "model.head"
    assert finding.fix
    assert finding.refused == (level in ("error", "silent_wrong"))


@pytest.mark.parametrize("model", HARMLESS, ids=lambda model: model.graph.node[0].op_type)
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_fine_is_not_reported(target: str, model: onnx.ModelProto) -> None:
    assert [finding.text for finding in about_nodes(model, target)] == []


@pytest.mark.parametrize(
    ("operator", "attributes", "constants"),
    [
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": 3}, ()),
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": "text"}, ()),
        ("Resize", {"axes": onnx.TensorProto()}, (None, [1.0, 1.0, 2.0, 2.0])),
        ("Split", {"num_outputs": "two", "axis": [1]}, ()),
        ("TopK", {"k": "many", "outputs": 2, "opset": 9}, ()),
        ("TopK", {"outputs": 2}, (np.array([b"text"], object),)),
        ("Cast", {"to": "float"}, ()),
        ("QuantizeLinear", {}, (np.array([b"text"], object), np.array([b"text"], object))),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_a_graph_that_is_wrong_is_judged_all_the_same(
    target: str,
    operator: str,
    attributes: dict[str, Any],
    constants: tuple[np.ndarray | None, ...],
) -> None:
    """Attributes and constants of another kind than the operator has."""
    check_target(one_node(operator, (1, 4, 8, 8), constants, **attributes), target_named(target))


def test_the_nano_refuses_new_opsets_only_where_they_matter() -> None:
    findings = check_target(one_node("Relu", opset=17), target_named(NANO))
    assert [finding.level for finding in findings] == ["unverified"]
    assert "no upper check" in findings[0].why
    assert check_target(one_node("Relu", opset=17), target_named(TRT85)) == []
    assert check_target(one_node("Relu", opset=21), target_named(TRT103))
    assert check_target(one_node("Relu", opset=25), target_named("rtx")) == []


def test_a_computed_k_is_refused() -> None:
    model = one_node("TopK", (1, 9), k(3), outputs=2)
    del model.graph.initializer[0]
    model.graph.input.append(helper.make_tensor_value_info("c0", INT64, [1]))
    for target in (NANO, TRT103, "rtx"):
        (finding,) = [f for f in about_nodes(model, target) if "computed" in f.why]
        assert finding.refused


def test_a_shape_that_depends_on_values_is_remarked_on() -> None:
    model = one_node("Reshape", constants=[[1, -1]])
    del model.graph.initializer[0]
    model.graph.input.append(helper.make_tensor_value_info("c0", INT64, [2]))
    (finding,) = about_nodes(model, "rtx")
    assert (finding.level, finding.operator) == ("unverified", "Reshape")
    assert "values of the input c0" in finding.why


def test_a_shape_that_depends_on_a_shape_is_fine() -> None:
    model = one_node("Reshape", constants=[[1, -1]])
    model.graph.initializer[0].name = "other"
    nodes = [
        helper.make_node("Shape", ["images"], ["c"]),
        helper.make_node("Identity", ["c"], ["c0"]),
    ]
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    assert about_nodes(model, "rtx") == []


def test_a_uint8_input_goes_into_a_cast_and_nowhere_else() -> None:
    model = one_node("Transpose", dtype=TensorProto.UINT8, perm=[0, 2, 3, 1])
    for target in (TRT85, TRT103, "trt11", "rtx"):
        found = [f for f in check_target(model, target_named(target)) if f.level == "error"]
        assert ["may go into a Cast only" in f.why for f in found] == [True]
    refused = [f for f in check_target(model, target_named(NANO)) if f.refused]
    assert [(f.operator, f.node) for f in refused] == [("input", "images"), ("output", "y0")]
    assert all("no UINT8" in finding.why for finding in refused)


def test_a_dynamic_axis_is_noted() -> None:
    (finding,) = check_target(one_node("Relu", ("batch", 3, 8, 8)), target_named("rtx"))
    assert (finding.level, finding.node) == ("note", "images")


def test_plugins_and_unknown_domains() -> None:
    model = one_node("EfficientNMS_TRT", (1, 9, 4))
    model.graph.node[0].domain = "TRT"
    assert [f.level for f in about_nodes(model, NANO)] == ["note"]
    assert [f.level for f in about_nodes(model, TRT103)] == ["note"]
    (finding,) = about_nodes(model, "rtx")
    assert finding.refused
    model.graph.node[0].op_type = "FusedConv"
    assert all(about_nodes(model, target)[0].refused for target in TARGETS)


def test_bodies_of_branches_are_looked_at() -> None:
    body = one_node("Mish", opset=18).graph
    del body.input[:]
    node = helper.make_node("If", ["c"], ["y"], then_branch=body, else_branch=body)
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    outer = helper.make_graph(
        [node], "outer", [condition], [helper.make_empty_tensor_value_info("y")]
    )
    model = helper.make_model(outer, opset_imports=[helper.make_opsetid("", 18)])
    assert {f.operator for f in about_nodes(model, NANO) if f.refused} == {"Mish"}


def test_weights_in_another_file_are_not_needed() -> None:
    model = one_node("Conv", (1, 4, 8, 8), [np.ones((4, 4, 1, 1), np.float32)])
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="absent.bin")
    for target in TARGETS:
        assert about_nodes(model, target) == []
    assert GraphView(model).value("c0") is None


def test_findings_come_gravest_first() -> None:
    model = one_node("TopK", (1, 5000), k(3841), outputs=2, largest=0, dtype=INT64)
    levels = [finding.level for finding in check_target(model, target_named(NANO))]
    assert levels == sorted(levels, key=list(LEVELS).index)
    assert len(set(levels)) >= 3


def test_every_condition_of_the_facts_has_a_function() -> None:
    stated = {
        hazard["when"]
        for target in TARGETS.values()
        for entry in target.facts["operators"].values()
        for hazard in entry.get("hazards", ())
    }
    assert stated == set(HAZARDS)


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'nano-trt82'"):
        target_named("nano")


class WithModules(ToyDetector):
    """Has an operator that the Nano lacks inside a module of a module."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Sequential(Remainder())])

    def predict(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        for block in self.blocks:
            images = block(images)
        return super().predict(images)


class Remainder(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.fmod(images, 2.0)


def test_a_node_of_our_export_is_traced_to_its_module() -> None:
    (finding,) = [f for f in about_nodes(graph_from_torch(WithModules()), NANO) if f.refused]
    assert (finding.operator, finding.module) == ("Mod", "blocks.1.0")
    assert "Mod /blocks.1/blocks.1.0/Mod from blocks.1.0" in finding.text


@pytest.mark.parametrize("target", TARGETS)
def test_our_export_fits_every_target(target: str) -> None:
    graph = graph_from_torch(ToyDetector())
    graph = with_uint8_input(graph) if target_named(target).uint8 else graph
    assert {finding.level for finding in check_target(graph, target_named(target))} <= {"note"}


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("/model/maps/trunk/stages.0/stages.0.1/conv/Conv_2", "model.maps.trunk.stages.0.1.conv"),
        ("/Add_3", "predict"),
        ("Conv_12", None),
        ("", None),
    ],
)
def test_module_paths(name: str, module: str | None) -> None:
    assert module_of(name) == module


def test_scopes_of_the_newer_exporter_name_the_module() -> None:
    model = one_node("Mish", opset=18)
    model.ir_version = 10
    model.graph.node[0].metadata_props.add(
        key="pkg.torch.onnx.name_scopes", value="['', 'neck', 'neck.act', 'mish']"
    )
    assert about_nodes(model, NANO)[0].module == "neck.act"
