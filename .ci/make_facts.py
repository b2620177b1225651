"""Make the data files that edgedet ships about TensorRT and devices from the collected facts.

    python .ci/make_facts.py ../shared/facts

Writes ``export/operator_facts.json`` (which operators each ONNX importer of TensorRT takes, and
when it takes them wrongly) and ``runtime/devices.json`` (Jetsons and RTX cards). Both depend on the
facts alone: running it again changes nothing. What the facts lack, the importer of TensorRT 8.5, is
taken from the changelog of onnx-tensorrt, below.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
SOURCES = ("trt82_ops.json", "trt10_ops.json", "devices.json")
SCHEMA_VERSION = 1

# onnx-tensorrt docs/Changelog.md of 8.4 GA and 8.5 GA, docs/operators.md of 8.5 ("to Opset 17").
SOURCE_8_5 = (
    "onnx-tensorrt 8.2-GA with docs/Changelog.md of 8.4 and 8.5 (TensorRT 8.5, JetPack 5.1)"
)
OPSET_8_2 = {"min": "min", "max": "documented_max", "note": "note"}
OPSET_8_5 = {"min": 7, "max": 17}
# "support for importing ONNX networks with UINT8 I/O types" (8.5).
UINT8_OF_8_5 = "Cast"
ADDED_BY_8_5 = (
    "GridSample",
    "MeanVarianceNormalization",
    "Mod",
    "NonZero",
    "RandomNormal",
    "RoiAlign",
    "Shrink",
    "Trilu",
    "Xor",
)
# (operator, start of `when`): "native FP16 initializers", "fixed allowZero logic in Reshape",
# "native support for NonMaxSuppression".
FIXED_BY_8_5 = (
    ("Clip", "min/max initializers are FLOAT16"),
    ("Pad", "constant_value initializer FLOAT16"),
    ("Reshape", "opset>=14"),
    ("NonMaxSuppression", ""),
)
# docs/operators.md of 10.0: the types it names, less those that only weights have.
IO_TYPES_10 = ["FP32", "FP16", "BF16", "INT8", "INT32", "INT64", "BOOL", "UINT8"]
CAST_DOWN_10 = {"FP64": "FP32"}
TYPES = {"FLOAT": "FP32", "FLOAT16": "FP16", "DOUBLE": "FP64"}
# tensorrt.md section 3 (ii): opsets 18 to 25 parse and build with TensorRT-RTX 1.7.1.
SOURCE_RTX = "tensorrt_rtx 1.7.1, its answers on a CPU; conditions from onnx-tensorrt 10.1-GA"
OPSET_RTX = {"min": 9, "max": 25}
# Graphs of one node, built with tensorrt_rtx 1.7.1 on a CPU: where it differs from 10.1. When it is
# installed, tests/export/test_target_check_rtx.py builds them again.
TAKEN_BY_RTX = {
    "AveragePool": "2D or 3D Pooling only",
    "GridSample": "Input must be 4D input",
    "MaxPool": "2D or 3D pooling only",
    "Resize": "Supported resize modes",
}
SAME_IN_RTX = {"K>3840 or sorted==0": "K not an initializer / K>3840"}
REFUSED_BY_RTX = {
    "AveragePool": "dilations!=1",
    "BatchNormalization": "training_mode==1 (opset>=14)",
    "LpPool": "dilations!=1",
    "MaxPool": "dilations!=1",
    "Resize": "coordinate_transformation_mode in (tf_crop_and_resize, half_pixel_symmetric)",
    "ScatterElements": "reduction!=none",
}
FAILS = "fail"
NO_INT8 = ("5.3", "6.2")
# CUDA cores of a multiprocessor; 128 of Nano and 2560 of Thor stand in the facts.
CORES_PER_SM = {"5.3": 128, "6.2": 128, "7.2": 64, "8.7": 128, "11.0": 128}
UNVERIFIED_RTX = ["gpu_mhz", "bandwidth_gbs"]
RENAMED = {"mem_bw_gbs": "bandwidth_gbs", "mem_gb": "memory_gb"}


def main(facts: Path) -> None:
    """Write both files."""
    read = {name: json.loads((facts / name).read_text(encoding="utf-8")) for name in SOURCES}
    digests = {n: hashlib.sha256((facts / n).read_bytes()).hexdigest() for n in SOURCES}
    operators = {
        "schema_version": SCHEMA_VERSION,
        "made_from": {name: digests[name] for name in SOURCES[:2]},
        "parsers": parsers(read["trt82_ops.json"], read["trt10_ops.json"]),
    }
    devices = {
        "schema_version": SCHEMA_VERSION,
        "made_from": {"devices.json": digests["devices.json"]},
        "sources": read["devices.json"]["_sources"],
        **tables(read["devices.json"]),
    }
    write(REPO / "export" / "operator_facts.json", operators, depth=4)
    write(REPO / "runtime" / "devices.json", devices, depth=2)


def parsers(trt82: dict[str, Any], trt10: dict[str, Any]) -> dict[str, Any]:
    """Return what is known of each importer."""
    known = trt82["_meta"]
    types = [TYPES.get(name, name) for name in known["dtypes"]["input"]]
    down = {TYPES.get(k, k): TYPES.get(v, v) for k, v in known["dtypes"]["cast_down"].items()}
    old = {"max_rank": known["max_rank"], "plugins": known["plugins"], "cast_down": down}
    new = {"max_rank": known["max_rank"], "io_types": IO_TYPES_10, "cast_down": CAST_DOWN_10}
    first, last = trt10["_meta"]["opset"]["min"], trt10["_meta"]["opset"]["documented_max"]
    opset_8_2 = {k: known["opset"][name] for k, name in OPSET_8_2.items()}
    ops_8, ops_10 = trt82["ops"].items(), trt10["ops"].items()
    return {
        "8.2": {
            "source": known["parser"],
            "opset": opset_8_2,
            "io_types": types,
            **old,
            "operators": {name: operator(entry) for name, entry in ops_8},
        },
        "8.5": {
            "source": SOURCE_8_5,
            "opset": OPSET_8_5,
            "io_types": [*types, "UINT8"],
            **old,
            "operators": {name: operator_8_5(name, entry) for name, entry in ops_8},
        },
        "10.1": {
            "source": trt10["_meta"]["parser"],
            "opset": {"min": first, "max": last},
            "plugins": [name for name, entry in ops_10 if entry.get("plugin")],
            **new,
            "operators": {name: operator(entry) for name, entry in ops_10},
        },
        "rtx-1.7": {
            "source": SOURCE_RTX,
            "opset": OPSET_RTX,
            "plugins": [],
            **new,
            "operators": {name: operator_rtx(name, entry) for name, entry in ops_10},
        },
    }


def operator(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the facts about one operator without what is empty."""
    if not entry["supported"]:
        return {"supported": False, "instead": entry.get("decompose_to") or ""}
    found = {
        "supported": True,
        "types": [name.replace("INF64", "INT64") for name in entry.get("types", [])],
        "hazards": entry.get("hazards", []),
        "restrictions": sentences(entry.get("restrictions", "")),
    }
    return {name: value for name, value in found.items() if value}


def operator_8_5(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of 8.2 with what 8.4 and 8.5 added and mended."""
    if name in ADDED_BY_8_5:
        return {"supported": True}
    found = operator(entry)
    fixed = [when for operator_name, when in FIXED_BY_8_5 if operator_name == name]
    if name == UINT8_OF_8_5:
        found["types"].append("UINT8")
    kept = [h for h in found.get("hazards", []) if not h["when"].startswith(tuple(fixed))]
    return {**found, "hazards": kept} if fixed else found


def operator_rtx(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return what TensorRT-RTX answered; a failed build outweighs a Yes."""
    note = entry.get("rtx171_note", "")
    if not entry["rtx171_supports_operator"] or FAILS in note:
        return {"supported": False, "instead": entry.get("decompose_to") or "", "note": note}
    found = operator({**entry, "supported": True})
    hazards = [{**h, "when": SAME_IN_RTX.get(h["when"], h["when"])} for h in hazards_of(found)]
    if name in REFUSED_BY_RTX:
        hazards.append({"level": "error", "when": REFUSED_BY_RTX[name], "why": "", "fix": ""})
    kept = found.get("restrictions", [])
    if name in TAKEN_BY_RTX:
        kept = [text for text in kept if not text.startswith(TAKEN_BY_RTX[name])]
    told = {**found, "hazards": hazards, "restrictions": kept, "note": note}
    return {key: value for key, value in told.items() if value}


def hazards_of(found: dict[str, Any]) -> list[dict[str, str]]:
    """Return the hazards of an operator, [] without any."""
    hazards: list[dict[str, str]] = found.get("hazards", [])
    return hazards


def sentences(text: str) -> list[str]:
    """Split a list of restrictions."""
    return [part.strip().rstrip(".") for part in text.split(". ") if part.strip()]


def tables(devices: dict[str, Any]) -> dict[str, Any]:
    """Return stacks by JetPack, and the devices that name them."""
    stacks: dict[str, Any] = {}
    rows = {}
    for name, entry in devices["jetson"].items():
        for stack in entry["software"]:
            stacks[stack["jetpack"]] = stack
        rows[name] = jetson(entry)
    for name, entry in devices["rtx"].items():
        rows[name] = rtx(entry)
    return {"stacks": stacks, "devices": rows}


def jetson(entry: dict[str, Any]) -> dict[str, Any]:
    """Return one board."""
    cores = entry["sm_count"] * CORES_PER_SM[entry["compute_capability"]]
    return {
        **common(entry),
        "kind": "jetson",
        "gpu_mhz": entry["gpu_mhz"],
        "dla": entry["dla"],
        "fp32_tflops": round(2e-6 * cores * entry["gpu_mhz"], 3),
        "fp16_tflops": entry["fp16_tflops_dense"],
        "int8_tops": entry["int8_tops_dense_gpu"],
        "stacks": [stack["jetpack"] for stack in entry["software"]],
        "notes": entry["notes"],
        "unverified": [RENAMED.get(name, name) for name in map(renamed_peak, entry["unverified"])],
    }


def renamed_peak(name: str) -> str:
    """Return our name of a peak."""
    peaks = {"fp16_tflops_dense": "fp16_tflops", "int8_tops_dense_gpu": "int8_tops"}
    return peaks.get(name, name)


def rtx(entry: dict[str, Any]) -> dict[str, Any]:
    """Return one card."""
    return {
        **common(entry),
        "kind": "rtx",
        "gpu_mhz": entry["boost_mhz"],
        "dla": 0,
        "fp32_tflops": entry["fp32_tflops"],
        "fp16_tflops": entry["fp16_tflops_dense_fp16acc"],
        "fp16_tflops_fp32_accumulate": entry["fp16_tflops_dense_fp32acc"],
        "int8_tops": entry["int8_tops_dense"],
        "tensorrt": entry["trt_classic"],
        "unverified": UNVERIFIED_RTX,
    }


def common(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what boards and cards share."""
    names = ("int8", "bf16", "fp8", "fp4")
    assert entry.get("int8", True) == (entry["compute_capability"] not in NO_INT8)
    return {
        "compute_capability": [int(part) for part in entry["compute_capability"].split(".")],
        "arch": entry["arch"],
        "sm_count": entry["sm_count"],
        "memory_gb": entry["mem_gb"],
        "bandwidth_gbs": entry["mem_bw_gbs"],
        "precisions": ["fp32", "fp16", *(n for n in names if entry.get(n, n == "int8"))],
    }


def write(path: Path, values: dict[str, Any], depth: int) -> None:
    """Write JSON with one line for each entry at `depth`."""
    path.write_text(lines(values, depth) + "\n", encoding="utf-8")


def lines(value: Any, depth: int, indent: str = "") -> str:
    """Return JSON, indented down to `depth` and on one line below it."""
    if depth == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    rows = [f"{inner}{json.dumps(k)}: {lines(v, depth - 1, inner)}" for k, v in value.items()]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
