"""Each benchmark runs from its command line and writes its JSON; no time is judged."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from self_labelled import exported, write_data  # noqa: E402


@pytest.fixture
def toy(tmp_path):
    """A small detector, and noise that is labelled with what it finds there."""
    model = tmp_path / "toy.onnx"
    exported(model)
    return model, write_data(tmp_path / "noise", model)


def run(repo, tmp_path, script, *arguments):
    out = tmp_path / "out.json"
    command = [sys.executable, str(repo / "benchmarks" / script), "--rounds", "1", "--warmup", "0"]
    command += ["--threads", "1", "--imgsz", "64", "--out", str(out), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text()), done.stdout


@pytest.mark.slow
def test_inference(repo, tmp_path):
    results, printed = run(repo, tmp_path, "inference.py")
    names = [row["name"] for row in results["rows"]]
    assert any("ssdlite: network" in name for name in names)
    assert any("with its NMS" in name for name in names)
    assert any("1080p frame to result, uint8" in name for name in names)
    for row in results["rows"]:
        assert set(row["ratio_to"]) == {"ssdlite network", "ssdlite whole", "eager"}
        assert row["median_ms"] > 0
    assert results["environment"]["threads"] == 1
    assert "onnxruntime" in results["environment"]["packages"]
    targets = {f["name"]: f["target"] for f in results["findings"]}
    assert targets["paper taps / ssdlite, both networks without decode"] == 1.0
    assert "target <= 8" in printed


@pytest.mark.slow
def test_int8(repo, tmp_path, toy):
    model, data = toy
    out = tmp_path / "int8.json"
    command = [sys.executable, str(repo / "benchmarks" / "int8.py"), "--rounds", "1"]
    command += ["--model", "toy", str(model), str(data), "--images", "4", "--method", "minmax"]
    command += ["--max-drop", "60", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())
    assert [row["name"] for row in results["rows"]] == ["toy: FP32", "toy: INT8 for CPUs"]
    assert {found["target"] for found in results["findings"]} == {1.0, 1.8}
    assert results["details"]["cpu"]["name"]
    for form in ("tensorrt", "cpu"):
        assert 0 < results["details"]["toy"][form]["ap"] <= 1
    assert "toy: speed of cpu" in done.stdout


@pytest.mark.slow
def test_bias_correction(repo, tmp_path, toy):
    model, data = toy
    out = tmp_path / "bias.json"
    command = [sys.executable, str(repo / "benchmarks" / "bias_correction.py"), "--images", "4"]
    command += ["--model", "toy", str(model), str(data), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["details"]["toy"]
    assert [(row["method"], row["form"]) for row in rows][:3] == [
        ("minmax", "tensorrt"),
        ("minmax", "cpu"),
        ("entropy", "tensorrt"),
    ]
    assert all(0 < row["as_trained"] <= 100 for row in rows)


@pytest.mark.slow
def test_bad_cases_of_int8(repo, tmp_path, toy):
    """Those of which the docs speak go through the gate, and none without its verdict."""
    model, data = toy
    out = tmp_path / "bad.json"
    command = [sys.executable, str(repo / "benchmarks" / "int8_bad_cases.py"), str(model)]
    command += [str(data), "--images", "4", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(out.read_text())["rows"]
    assert [row["form"] for row in rows] == ["tensorrt", "cpu"] * 4
    assert all(row["lost in the end"] <= 1 for row in rows if row["ended"] == "passed")
    tried = [len(row["lost as calibrated"].split()) for row in rows]
    assert tried == [4, 4, 1, 1, 4, 4, 1, 1]  # by all methods, or by the one that is asked for


@pytest.mark.slow
def test_memory_of_a_calibration(repo, tmp_path, toy):
    """The number of images of which the docs speak grows; what it takes does not."""
    model, images = toy[0], toy[1] / "images"
    out = tmp_path / "memory.json"
    command = [sys.executable, str(repo / "benchmarks" / "calibration_memory.py"), str(model)]
    command += [str(images), "--images", "4", "64", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())
    assert [run["images"] for run in results["details"]["runs"]] == [4, 64]
    assert results["findings"][-1]["met"]
    assert "ru_maxrss" in results["protocol"]


@pytest.mark.slow
def test_training_step(repo, tmp_path):
    results, printed = run(repo, tmp_path, "training_step.py", "--batch", "2")
    assert results["settings"]["batch"] == 2
    assert len(results["rows"]) == len(results["findings"]) == 6
    assert "images/s (target >= 12" in printed


def test_ratio_is_the_median_over_rounds(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / "benchmarks"))
    import interleaved

    times = {"ours": [10.0, 30.0, 40.0], "theirs": [10.0, 10.0, 20.0]}
    assert interleaved.ratio(times, "ours", "theirs") == 2.0
    (row, _) = interleaved.timing_rows(times, {"them": "theirs"})
    assert row["ratio_to"] == {"them": 2.0}


def test_every_round_starts_with_the_next_contender(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / "benchmarks"))
    import interleaved

    order = []
    contenders = {name: lambda name=name: order.append(name) for name in "abc"}
    times = interleaved.interleave(contenders, rounds=2, warmup=1)
    assert "".join(order) == "aabbccbbccaaccaabb"  # one untimed, one timed call each
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2, "c": 2}


@pytest.mark.slow
def test_models(repo):
    """The numbers of docs/models.md: parameters are those of the model, GMACs no less."""
    command = [sys.executable, str(repo / "benchmarks" / "models.py"), "ssdlite_mobilenetv3"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, line = done.stdout.splitlines()
    assert line in (repo / "docs" / "models.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "words", "rows", "targets"),
    [
        ("camera_overhead.py", ["--rounds", "3"], 16, 4),
        ("soak.py", ["--minutes", "0.2"], 3, 3),
        ("overload.py", ["--minutes", "0.2"], 3, 6),
    ],
)
def test_cameras(repo, tmp_path, script, words, rows, targets):
    pytest.importorskip("cv2")
    model, out = repo / "tests" / "golden" / "tiny_detector.onnx", tmp_path / "out.json"
    command = [sys.executable, str(repo / "benchmarks" / script), str(model), *words]
    command += ["--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    results = json.loads(out.read_text())
    assert len(results["rows"]) == rows
    assert sum(found["target"] is not None for found in results["findings"]) == targets
