"""`edgedet export --int8` from the command line to its files."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from fake_tensorrt import fake_tensorrt
from self_labelled import exported, write_data

import edgedet.calibration.collection
import edgedet.engine_export
import edgedet.export_source
import edgedet.int8.run
import edgedet.int8_export
from edgedet.calibration.scales_file import read_scales
from edgedet.cli import main
from edgedet.export.half_proof import rehearsal_backend
from edgedet.export.int8_half import with_half_around
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx, save_onnx
from edgedet.export_recipe import ExportRecipe, load_export_recipe
from edgedet.export_source import Source
from edgedet.int8.outputs import model_path
from edgedet.int8.report import Int8Report
from edgedet.int8.request import Int8Request
from edgedet.int8.run import export_int8
from edgedet.runtime import engine_cache, engine_job
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.calibration_cache import read_cache
from edgedet.runtime.engine_options import EngineOptions
from edgedet.runtime.errors import ModelError
from edgedet.runtime.gpu_identity import Gpu
from edgedet.runtime.model_reference import reference_frames
from edgedet.runtime.preprocess import preprocess

try:
    import tensorrt_rtx  # noqa: F401
except ImportError:
    HAS_RTX = False
else:
    HAS_RTX = True
needs_rtx = pytest.mark.skipif(not HAS_RTX, reason="TensorRT-RTX is not installed: edgedet[rtx]")
WIDTH = 80
ORIN = Gpu("Orin (nvgpu)", "8.7")
TX1 = Gpu("NVIDIA Tegra X1", "5.3")
WRITTEN = {
    "int8.json",
    "int8.md",
    "int8.png",
    "int8_histograms.png",
    "int8_layers.png",
    "model.calibration.cache",
    "model.export.yaml",
    "model.int8.cpu.onnx",
    "model.int8.tensorrt.onnx",
    "model.onnx",
    "scales.json",
    "statistics.npz",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    exported(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "noise", model)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, model: Path, data: Path) -> Int8Report:
    """A whole run."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copy(model, folder / "model.onnx")
    reports = []

    def kept(request: Int8Request) -> Int8Report:
        reports.append(export_int8(request))
        return reports[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edgedet.int8_export, "export_int8", kept)
        assert main(["export", str(folder / "model.onnx"), *wide(folder, data)]) == 0
    return reports[0]


@pytest.fixture(scope="module")
def finished(run: Int8Report) -> Path:
    """Its folder."""
    return run.request.out


@pytest.fixture(autouse=True)
def _a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))


@pytest.fixture
def again(run: Int8Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of its folder, in which the run is played again."""
    folder = tmp_path / "again"
    shutil.copytree(run.request.out, folder)

    def replayed(request: Int8Request) -> Int8Report:
        files = [*(form.path for form in run.forms), run.request.out / "scales.json"]
        for file in files:
            assert file is not None
            shutil.copy(file, request.out)
        forms = [replace(form, path=model_path(request, form.form)) for form in run.forms]
        return replace(run, request=request, forms=tuple(forms))

    monkeypatch.setattr(edgedet.int8_export, "export_int8", replayed)
    return folder


@pytest.fixture
def calibrated(run: Int8Report, tmp_path: Path) -> Path:
    """A copy of its folder, in which no calibration has to be made."""
    return Path(shutil.copytree(run.request.out, tmp_path / "calibrated"))


def recipe(folder: Path, **settings: object) -> list[str]:
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(settings))  # JSON is YAML
    return ["--recipe", str(path)]


def wide(folder: Path, data: Path, **settings: object) -> list[str]:
    """Words that let the toy pass, quickly."""
    settings = {"images": 16, "max_drop_smallest": 30, **settings}
    words = ["--int8", "--data", str(data), "--max-drop", "30", "--method", "minmax"]
    return [*words, *recipe(folder, **settings)]


def export(*words: object) -> int:
    return main(["export", *map(str, words)])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    return captured.err


def test_what_is_written_lies_beside_the_model(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} - {"recipe.yaml"} == WRITTEN
    scales = read_scales(finished / "scales.json")
    cache = read_cache((finished / "model.calibration.cache").read_text())
    assert cache.header == "TRT-8201-EntropyCalibration2"
    assert cache.scales
    for name, scale in cache.scales.items():
        assert scale == pytest.approx(scales.amax[name] / 127, rel=1e-6)
    wanted = ExportRecipe("uint8", 13, 20, images=16, max_drop_smallest=30.0)
    found = load_export_recipe(finished / "model.export.yaml")
    assert found == ExportRecipe(**{**vars(wanted), "input": found.input})


def test_the_table_fits_a_terminal(
    again: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(again / "model.onnx", *wide(again, data)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("INT8: ranges by minmax of 16 images (train); points of AP (val):")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]
    assert rows[0] == ["precision", "AP", "lost", "small", "lost", "in float", "MB", "x FP32"]
    assert [row[0] for row in rows[2:]] == ["FP32", "FP16", "INT8 TensorRT", "INT8 CPU"]
    assert [row[5] for row in rows[4:]] == ["0 of 3", "1 of 4"]
    assert float(rows[5][7]) > 0
    assert any("lost: at most 30, of small objects 30; +-" in line for line in lines)
    assert any("model.int8.cpu.onnx" in line for line in lines)
    assert all(len(line) <= WIDTH for line in lines if str(again) not in line)


def test_json_has_the_report_and_the_files(
    again: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(again / "model.onnx", *wide(again, data), "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    int8 = printed["int8"]
    assert printed["file"] == str(again / "model.onnx")
    assert int8["passed"]
    assert set(int8["files"]) == {"scales", "calibration_cache", "tensorrt", "cpu"}
    assert int8["calibration"] == read_scales(again / "scales.json").calibration_id
    provenance = read_spec(load_onnx(again / "model.int8.cpu.onnx")).provenance
    assert provenance["calibration"] == int8["calibration"]
    assert provenance["int8_float_layers"] == "1 of 4"


def test_info_tells_what_int8_it_is(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = set()
    for name, told in (
        ("model.onnx", None),
        ("model.int8.cpu.onnx", "INT8 for CPUs; 1 of 4 layers in float"),
        ("model.int8.tensorrt.onnx", "INT8 for TensorRT; 0 of 3 layers in float"),
    ):
        assert main(["info", str(finished / name)]) == 0
        out = capsys.readouterr().out
        assert told is None or told in out
        assert ("minmax of 16 images, sha256" in out) == (told is not None)
        parameters.add(next(line for line in out.splitlines() if line.startswith("parameters")))
    assert len(parameters) == 1  # what is held as codes counts as well


def test_the_form_for_cpus_is_a_model_like_any_other(
    finished: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(finished / "model.int8.cpu.onnx")
    assert main(["eval", model, "--data", str(data), "--json", "--out", "eval"]) == 0
    assert json.loads(capsys.readouterr().out)["all"]["ap"] > 0.4
    image = next((data / "images").iterdir())
    assert main(["predict", model, "--source", str(image), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    words = ["--iterations", "2", "--warmup", "1", "--json", "--out", "bench"]
    assert main(["bench", model, *words]) == 0
    assert json.loads(capsys.readouterr().out)


def test_onnx_runtime_computes_what_the_rehearsal_does_with_fp16_around(finished: Path) -> None:
    """1.31 overflows where it turns a bias of FP16 into codes: one that is large for its scale."""
    int8 = load_onnx(finished / "model.int8.tensorrt.onnx")
    layer = [node for node in int8.graph.node if node.op_type == "Conv"][1]
    weights = next(node for node in int8.graph.node if node.output[0] == layer.input[1])
    change(int8, weights.input[1], lambda scale: scale * np.float32(0.03))
    change(int8, layer.input[2], lambda bias: bias + np.float32(2))
    mixed = with_half_around(int8)
    save_onnx(mixed, Path("mixed.onnx"))
    with OnnxRuntimeBackend("mixed.onnx") as real, rehearsal_backend(mixed) as played:
        for frame in reference_frames(real.spec.size_hw):
            batch = preprocess(frame, real.spec)[0][None]
            (boxes, scores, _), others = real.infer(batch), played.infer(batch)
            assert np.abs(scores - others[1]).mean() < 0.01
            assert np.median(np.abs(boxes - others[0])) < 0.5


def change(model: onnx.ModelProto, name: str, how: Callable[[np.ndarray], np.ndarray]) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(onnx.numpy_helper.from_array(how(onnx.numpy_helper.to_array(tensor)), name))


def test_a_refused_model_leaves_the_report_and_no_int8(
    calibrated: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two black images: nothing that the network computes on others was seen."""
    black = write_data(tmp_path / "black", model, black=2)
    (calibrated / "statistics.npz").unlink()
    for name in ("model.rtx-sm86.int8.engine", "model.rtx-sm86.int8.engine.json"):
        (calibrated / name).write_bytes(b"of the run before")
    others = {"other.int8.engine", "model.v2.rtx-sm86.int8.engine"}
    for name in others:
        (calibrated / name).write_bytes(b"of another model")
    (calibrated / "model.int8.fp16.onnx").write_bytes(b"of the run before")
    words = ["--int8", "--data", black, "--method", "minmax"]
    assert export(calibrated / "model.onnx", *words, "--json") == 4
    captured = capsys.readouterr()
    line = captured.err.splitlines()[-1]
    assert "an INT8 model within the allowed loss of accuracy" in line
    assert "points of AP lost (at most 1)" in line
    assert f"see {calibrated / 'int8.md'}" in line
    assert "--max-drop" in line
    assert not json.loads(captured.out)["passed"]
    left = {path.name for path in calibrated.iterdir()}
    assert {"int8.md", "model.onnx", "statistics.npz", *others} <= left
    assert not [name for name in left - others if "int8" in name and name.startswith("model")]
    assert not {"scales.json", "model.calibration.cache"} & left


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_where_it_was(
    model: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(model, "model.onnx")
    monkeypatch.setattr(edgedet.int8.run, "_references", interrupted)
    assert export("model.onnx", *wide(tmp_path, data)) == 130
    told = capsys.readouterr().err
    assert "is kept in statistics.npz: the same command goes on from there" in told
    assert told.endswith("interrupted\n")

    class ArrivedError(Exception):
        """At what comes behind the calibration."""

    def arrive(*_: object) -> None:
        raise ArrivedError

    monkeypatch.setattr(edgedet.int8.run, "_references", arrive)
    monkeypatch.setattr(edgedet.calibration.collection, "_pass", interrupted)
    with pytest.raises(ArrivedError):
        export("model.onnx", *wide(tmp_path, data))


def test_the_default_place_is_named_where_a_run_was_interrupted(
    model: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another run would get another folder."""
    made = tmp_path / "runs" / "export" / "run" / "model.onnx"
    made.parent.mkdir(parents=True)
    shutil.copy(model, made)
    monkeypatch.setattr(edgedet.export_source, "source_of", lambda _: Source(made, None))
    monkeypatch.setattr(edgedet.int8.run, "_references", interrupted)
    assert export("best.pt", *wide(tmp_path, data)) == 130
    assert f"the same command with --out {made} goes on" in capsys.readouterr().err


def test_other_images_are_refused_with_what_differs(
    calibrated: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(calibrated / "model.onnx", *wide(calibrated, data, images=12)) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "the images (16, now 12)" in line
    assert f"delete {calibrated / 'statistics.npz'}" in line


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--int8"], 2, "the ranges of INT8 come of real images, and labels tell what it costs"),
        (["--method", "mse"], 2, "--method without --int8; add --int8"),
        (["--max-drop", "2", "--method", "mse"], 2, "--method and --max-drop without --int8"),
        (["--int8", "--max-drop", "-1"], 2, "--max-drop"),
        (["--int8", "DATA", "--method", "best"], 2, "a method among auto, minmax, entropy"),
        (["--int8", "DATA", "--split", "train"], 2, "both on train; change --split"),
        (["--int8", "DATA", "--split", "test"], 3, "found train and val alone in"),
        (["--int8", "--data", "nowhere"], 3, "nothing at"),
        (["--int8", "DATA", "--device", "nano"], 5, "INT8 on the Jetson Nano 4GB"),
        (["--int8", "DATA", "--device", "TX1", "--trt"], 5, "without the DP4A instruction"),
        (["--int8", "DATA", "--device", "tx2", "--trt"], 5, "leave --int8 out: FP16"),
        (["--int8", "DATA", "--target", "nano-trt82"], 5, "INT8 on the Jetson Nano 4GB"),
        (["--int8", "DATA", "--precision", "int8"], 2, "--precision without --trt"),
        (["--int8", "DATA", "--trt", "--precision", "int4"], 2, "or int8 with --int8"),
        (["--int8", "DATA", "--batch", "2"], 2, "flags that change model.onnx"),
        (["--int8", "DATA", "--out", "new.onnx"], 2, "flags that change model.onnx"),
        (["--int8", "DATA", "--bundle", "model.zip"], 2, "--bundle that ends with .pyz"),
        (["--int8", "DATA", "--bundle", "model.pyz", "--trt"], 2, "--bundle without --trt"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_done(
    words: list[str],
    code: int,
    message: str,
    model: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(model, "model.onnx")
    given = [each for word in words for each in (["--data", data] if word == "DATA" else [word])]
    assert export("model.onnx", *given) == code
    assert message in one_line(capsys)
    assert {path.name for path in Path().iterdir()} == {"model.onnx"}


@pytest.mark.parametrize(
    ("settings", "words", "message"),
    [
        ({"opset": 15}, [], "a recipe that changes model.onnx"),
        ({"forms": ["cpu"]}, ["--trt"], "with tensorrt for engines in INT8, found cpu alone"),
        ({"forms": ["cpu"]}, ["--bundle", "m.pyz"], "with tensorrt for a bundle with INT8"),
        ({"calibration_split": "val"}, [], "both on val"),
    ],
)
def test_a_recipe_that_does_not_suit_is_one_line(
    settings: dict[str, object],
    words: list[str],
    message: str,
    model: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(model, "model.onnx")
    assert export("model.onnx", *wide(tmp_path, data, **settings), *words) == 2
    assert message in one_line(capsys)


def test_a_model_that_is_int8_already(
    finished: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(finished / "model.int8.cpu.onnx", "codes.onnx")
    assert export("codes.onnx", *wide(tmp_path, data)) == 4
    assert "a model in FP32 for --int8, found int8 in codes.onnx" in one_line(capsys)


@needs_rtx
def test_engines_for_rtx_cards_have_fp16_around_int8(
    again: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*wide(again, data), "--trt", "--device", "RTX 3090"]
    assert export(again / "model.onnx", *words) == 0
    out = capsys.readouterr().out
    assert "INT8 with FP16 around it, rehearsed on the CPU: AP" in out
    names = [f"model.rtx-sm86.{precision}.engine" for precision in ("fp32", "fp16", "int8")]
    rows = [line.split("|")[1].strip() for line in out.splitlines() if ".engine" in line]
    assert rows == names
    assert export(again / "model.onnx", *words, "--precision", "int8", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    (engine,) = printed["engines"]
    assert (engine["precision"], engine["precision_used"]) == ("int8", "int8")
    assert printed["int8"]["passed"]
    assert printed["int8_with_fp16"]["ap"] > 0.5
    provenance = read_spec(onnx.load(again / "model.int8.fp16.onnx")).provenance
    assert provenance["precision"] == "int8+float16"


def test_a_tensorrt_that_quantises_by_itself_gets_the_scales(
    again: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a TensorRT that is played, up to the build."""
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt("10.3.0"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: ORIN)
    asked = []

    def build(onnx: Path, engine: Path, flavour: object, options: EngineOptions, scales=None):
        asked.append((onnx.name, engine.name, options.precision, scales))
        raise ModelError("what the test is about", "it", "nothing")

    monkeypatch.setattr(edgedet.engine_export, "engine_from_onnx", build)
    words = [*wide(again, data), "--trt", "--device", "jetson", "--precision", "int8"]
    assert export(again / "model.onnx", *words) == 4
    name = "model.trt10.3.0-sm87.int8.engine"
    assert asked == [("model.onnx", name, "int8", again / "scales.json")]
    assert not (again / "model.int8.fp16.onnx").exists()


def test_on_a_board_without_int8_nothing_is_calibrated(
    model: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt("8.2.1.8"))
    monkeypatch.setattr(engine_job, "find_gpu", lambda: TX1)
    shutil.copy(model, "model.onnx")
    words = [*wide(tmp_path, data), "--trt", "--device", "jetson"]
    assert export("model.onnx", *words) == 5
    line = one_line(capsys)
    assert "where TensorRT has no INT8" in line
    assert "--precision fp16" in line
    assert not Path("statistics.npz").exists()


@pytest.mark.parametrize("target", [None, "rtx"])
def test_a_bundle_has_the_scales(
    target: str | None, again: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*wide(again, data), "--bundle", "m.pyz", "--json"]
    words += [] if target is None else ["--target", target]
    assert export(again / "model.onnx", *words) == 0
    assert json.loads(capsys.readouterr().out)["int8"]["passed"]
    with zipfile.ZipFile("m.pyz") as archive:
        names = set(archive.namelist())
        assert archive.read("scales.json") == (again / "scales.json").read_bytes()
    graphs = {"model.fp16.onnx", "model.int8.onnx"}
    assert names & graphs == (graphs if target else set())
