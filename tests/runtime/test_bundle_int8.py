"""A bundle with scales: what it builds in INT8, when that runs, and which of two is faster."""

import json

import pytest

pytest.importorskip("cv2")
pytest.importorskip("onnxruntime")

from fake_tensorrt import fake_tensorrt, fake_tensorrt_rtx  # noqa: E402
from small_bundle import write_small_bundle  # noqa: E402
from test_bundle_engine import Board, built, gpu  # noqa: E402, F401
from test_engine_int8 import ONNX, QDQ, SCALES  # noqa: E402

from edgedet.runtime import bundle_bench, engine_builder, engine_cache  # noqa: E402
from edgedet.runtime.bundle_bench import comparison_line  # noqa: E402
from edgedet.runtime.errors import DeviceError  # noqa: E402

XAVIER = "8.5.2.2"
BENCH = ("bench", "--iterations", 2, "--warmup", 0)


@pytest.fixture
def board(tmp_path, gpu, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(engine_builder, "machine_memory", lambda: None)
    gpu.device(name="Xavier", compute_capability=(7, 2))
    made = Board(tmp_path, gpu, monkeypatch)
    write_small_bundle(made.path, ONNX, int8=(None, SCALES))
    made.install(fake_tensorrt(XAVIER, gpu=gpu))
    return made


def refusal(board, capsys, code, *words):
    capsys.readouterr()
    assert board.run(*words) == code
    return capsys.readouterr().err


def test_build_takes_the_scales_of_the_bundle(board, capsys):
    facts = built(board, capsys, "--precision", "int8")
    assert (facts["precision"], facts["precision_used"], facts["layers_int8"]) == (
        "int8",
        "int8",
        5,
    )
    assert facts["gate"]["found_again"] == 8
    assert list((engine_cache.cache_folder() / "models").rglob("tiny_int8.scales.json"))
    board.gpu.require_clean()


def test_int8_runs_when_it_is_asked_for_or_alone(board, capsys):
    built(board, capsys, "--precision", "fp32")
    built(board, capsys, "--precision", "int8")
    assert board.choose().facts.precision == "int8"
    built(board, capsys, "--precision", "fp16")
    assert board.choose().facts.precision == "fp16"
    assert board.choose(precision="int8").facts.precision == "int8"


def test_int8_that_was_not_built_is_told_with_the_command(board, capsys):
    built(board, capsys, "--precision", "fp16")
    with pytest.raises(DeviceError, match=r"an int8 engine .*model.pyz build --precision int8"):
        board.choose(precision="int8")
    words = ("predict", "--source", "x.png", "--precision", "int8")
    said = refusal(board, capsys, 2, *words, "--backend", "onnxruntime")
    assert "expected fp32 with --backend onnxruntime, found --precision int8" in said


def test_engines_of_other_scales_are_not_of_this_bundle(board, capsys, tmp_path):
    built(board, capsys, "--precision", "int8")
    other = tmp_path / "other.json"
    other.write_text(SCALES.read_text().replace('"minmax"', '"mse"'))
    write_small_bundle(board.path, ONNX, int8=(None, other))
    with pytest.raises(DeviceError, match="none that was built"):
        board.choose(precision="int8")


def test_a_bundle_without_scales_says_so(board, capsys):
    write_small_bundle(board.path, ONNX)
    said = refusal(board, capsys, 4, "build", "--precision", "int8")
    assert "expected scales of INT8, found none in" in said
    assert "--int8 --data DATA" in said


@pytest.mark.parametrize("with_scales", [True, False])
def test_a_nano_is_refused_whatever_the_bundle_holds(board, capsys, with_scales):
    write_small_bundle(board.path, ONNX, int8=(None, SCALES) if with_scales else ())
    board.gpu.device(name="NVIDIA Tegra X1", compute_capability=(5, 3))
    said = refusal(board, capsys, 5, "build", "--precision", "int8")
    assert "Jetson Nano 4GB" in said
    assert "without the DP4A instruction" in said
    assert "--precision fp16" in said


def test_rtx_takes_the_graph_with_q_dq(board, capsys):
    board.remove()
    board.gpu.device(name="RTX 3090", compute_capability=(8, 6), integrated=False)
    board.install(fake_tensorrt_rtx(gpu=board.gpu))
    said = refusal(board, capsys, 4, "build", "--precision", "int8")
    assert "a model in int8, found only float32" in said
    write_small_bundle(board.path, ONNX, int8=(QDQ, SCALES))
    facts = built(board, capsys, "--precision", "int8")
    assert (facts["precision_used"], facts["quantised"]) == ("int8", None)
    assert board.choose().facts.precision == "int8"


def test_bench_measures_both_and_says_which_is_faster(board, capsys):
    built(board, capsys, "--precision", "int8")
    assert board.run(*BENCH) == 0
    assert "than FP16 here" not in capsys.readouterr().out  # nothing to compare with
    built(board, capsys, "--precision", "fp16")
    for words in ((), ("--precision", "int8")):
        assert board.run(*BENCH + words) == 0
        (line,) = [x for x in capsys.readouterr().out.splitlines() if "than FP16 here" in x]
        assert line.startswith("INT8 is ")
    assert board.run(*BENCH + ("--json", "--precision", "int8")) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["precision"] == "int8"
    assert values["compared"]["int8_ms"] == values["engine_call"]["median_ms"]
    assert values["compared"]["fp16_ms"] > 0
    assert board.run(*BENCH + ("--precision", "fp16")) == 0
    assert "INT8" not in capsys.readouterr().out
    board.gpu.require_clean()


def test_what_is_said_of_two_speeds(board, capsys, monkeypatch):
    assert comparison_line({"int8_ms": 5.0, "fp16_ms": 4.25}) == (
        "INT8 is slower than FP16 here: 5.00 ms a call in the median, FP16 4.25 ms; use FP16"
    )
    assert comparison_line({"int8_ms": 3.0, "fp16_ms": 4.0}).startswith("INT8 is faster")
    built(board, capsys, "--precision", "int8")
    built(board, capsys, "--precision", "fp16")
    measured = bundle_bench.speed_report

    def slower_int8(open_model, about, request):
        report = measured(open_model, about, request)
        report["engine_call"]["median_ms"] = {"int8": 5.0, "fp16": 4.25}[about["precision"]]
        return report

    monkeypatch.setattr(bundle_bench, "speed_report", slower_int8)
    assert board.run(*BENCH) == 0
    assert "INT8 is slower than FP16 here: 5.00 ms" in capsys.readouterr().out
