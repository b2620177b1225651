"""The verbs of a bundle, in the process and as a program; Python 3.6 runs these too."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgedet.runtime import bundle_choice, bundle_start, engine_cache, open_detector
from edgedet.runtime.bundle_file import open_bundle
from edgedet.runtime.bundle_main import main

pytest.importorskip("onnxruntime")
cv2 = pytest.importorskip("cv2")

from small_bundle import CONVOLUTION, DETECTOR, with_manifest, write_small_bundle  # noqa: E402

WITHOUT_TENSORRT = ["--backend", "onnxruntime"]
"""In a process of its own, which would say in a line that the TensorRT here has no engine."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder and a cache of its own, and no TensorRT of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(bundle_choice, "FLAVOURS", ())
    return tmp_path


@pytest.fixture
def bundle(folder):
    return write_small_bundle(folder / "model.pyz", target="nano-trt82")


@pytest.fixture
def images(folder):
    """Frames with different bright places."""
    rng = np.random.RandomState(3)
    there = folder / "images"
    there.mkdir()
    for i in range(3):
        cells = rng.randint(0, 256, (4, 4, 3)).astype(np.uint8)
        big = cv2.resize(cells, (90 + i, 64), interpolation=cv2.INTER_NEAREST)
        cv2.imwrite(str(there / "{}.png".format(i)), big)
    return there


def video_file(path, frames=7, fps=10):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no videos")
    for i in range(frames):
        writer.write(np.full((48, 64, 3), 30 * i, np.uint8))
    writer.release()
    return path


def run(bundle, *words):
    return main(str(bundle), [str(word) for word in words])


def refused(bundle, capsys, *words):
    """The exit code and the one line of a failure, which stands in the JSON as well."""
    code = run(bundle, *words)
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1, captured.err
    line = captured.err.rstrip("\n")
    assert line.startswith("error: ")
    assert captured.out == ""
    assert run(bundle, *(list(words) + ["--json"])) == code
    values = json.loads(capsys.readouterr().out)
    assert line == "error: {}; {}".format(values["message"], values["suggestion"])
    return code, line


def as_program(bundle, *words, **environ):
    done = subprocess.run(
        [sys.executable, str(bundle)] + list(words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, **environ),
    )
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def start_program(bundle, *words):
    command = [sys.executable, str(bundle)] + list(words) + WITHOUT_TENSORRT
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, universal_newlines=True)


def test_predict_finds_what_the_model_finds(bundle, images, capsys):
    assert run(bundle, "predict", "--source", images, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["model"], values["device"]) == (str(bundle), "cpu")
    assert len(values["results"]) == 3
    with open_detector(DETECTOR) as detector:
        for result in values["results"]:
            found = detector(cv2.imread(result["source"]))
            boxes = [row["box_xyxy"] for row in result["detections"]]
            assert len(found) == len(boxes) > 0
            assert np.allclose(boxes, found.boxes_xyxy, atol=1e-3)
            scores = [row["score"] for row in result["detections"]]
            assert np.allclose(scores, found.scores, atol=1e-6)


def test_predict_says_a_line_for_each_image_and_one_for_all(bundle, images, capsys, caplog):
    caplog.set_level(logging.INFO, "edgedet")
    assert run(bundle, "predict", "--source", images) == 0
    assert capsys.readouterr().out.startswith("3 images: ")
    assert sum(".png: " in message and " ms" in message for message in caplog.messages) == 3


def test_thresholds_are_those_that_were_given(bundle, images, capsys):
    assert run(bundle, "predict", "--source", images, "--json", "--conf", "1.0") == 0
    assert not any(r["detections"] for r in json.loads(capsys.readouterr().out)["results"])
    assert refused(bundle, capsys, "predict", "--source", str(images), "--conf", "2")[0] == 2


def test_out_gets_results_and_pictures(bundle, images, capsys):
    assert run(bundle, "predict", "--source", images, "--out", "new/out") == 0
    names = sorted(path.name for path in Path("new/out").iterdir())
    assert names == ["0.png", "1.png", "2.png", "results.json"]
    capsys.readouterr()
    code, line = refused(bundle, capsys, "predict", "--source", images, "--out", "new/out")
    assert code == 2
    assert "nothing is overwritten" in line


def test_out_without_pictures(bundle, images):
    Path("out").mkdir()
    assert run(bundle, "predict", "--source", images, "--out", "out", "--no-save") == 0
    assert [path.name for path in Path("out").iterdir()] == ["results.json"]


def test_a_video_becomes_a_video(bundle, folder, capsys):
    source = video_file(folder / "a.avi")
    assert run(bundle, "predict", "--source", source, "--out", "out", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["results"]) == 7
    assert cv2.VideoCapture("out/a.mp4").get(cv2.CAP_PROP_FRAME_COUNT) == 7


def test_without_out_nothing_is_written_but_the_model(bundle, images):
    before = set(Path().rglob("*"))
    assert run(bundle, "predict", "--source", images) == 0
    new = [path for path in set(Path().rglob("*")) - before if path.is_file()]
    assert [path.name for path in new] == ["model.float32.onnx"]
    assert new[0].parts[:2] == ("cache", "models")


def test_the_model_is_taken_out_once_and_again_when_it_was_damaged(bundle, images):
    place = open_bundle(bundle).model_file()
    written = place.stat().st_mtime_ns
    assert open_bundle(bundle).model_file() == place
    assert place.stat().st_mtime_ns == written
    place.write_bytes(b"cut short")
    assert open_bundle(bundle).model_file().read_bytes() == DETECTOR.read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["predict"], 2, "--source"),
        (["predikt"], 2, "predikt"),
        (["--json"], 2, "model.pyz --help"),
        (["predict", "--source", "x", "--bad"], 2, "--bad"),
        (["predict", "--source", "nowhere"], 3, "expected a source at nowhere"),
        (["predict", "--source", "0"], 2, "a file, a folder or a glob"),
        (["bench", "--iterations", "0"], 2, "--iterations"),
        (["bench", "--source", "images", "--threads", "0"], 2, "threads"),
        (["build"], 5, "the Python module tensorrt"),
        (["predict", "--source", "images", "--backend", "tensorrt"], 5, "model.pyz build"),
        (["predict", "--source", "images", "--precision", "fp16"], 5, "an fp16 engine"),
        (
            ["predict", "--source", "images", "--precision", "fp16", "--backend", "onnxruntime"],
            2,
            "leave --precision or --backend out",
        ),
        (["camera", "--source", "77"], 5, "a camera at /dev/video77, found none"),
        (["camera", "--source", "nowhere.mp4"], 3, "nowhere.mp4"),
        (["camera", "--config", "nowhere.json"], 2, "nowhere.json"),
        (["camera", "--listen", ":80"], 2, "serve beside listen"),
        (["camera", "--on", "bleu"], 2, "did you mean 'blue'"),
        (["camera", "--tiles", "many"], 2, "tiles like 2x2"),
        (["camera", "--frames", "0"], 2, "at least 1"),
        (["camera", "--size", "large"], 2, "a size as 1280x720"),
    ],
)
def test_a_failure_is_one_line_and_a_code(bundle, images, capsys, monkeypatch, words, code, part):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    found = refused(bundle, capsys, *words) if "--json" not in words else ()
    if not found:
        found = run(bundle, *words), capsys.readouterr().err
    assert found[0] == code
    assert part in found[1]


def test_a_damaged_image_is_a_data_error(bundle, images, capsys):
    (images / "0.png").write_bytes(b"no image")
    assert refused(bundle, capsys, "predict", "--source", images)[0] == 3


@pytest.mark.parametrize("kind", ["cut", "bits", "text", "no manifest", "model", "schema", "field"])
def test_a_damaged_bundle_is_a_model_error(bundle, images, capsys, kind):
    whole = bundle.read_bytes()
    if kind == "cut":
        bundle.write_bytes(whole[: len(whole) // 2])
    elif kind == "bits":
        flip_a_byte_of_manifest(bundle)
    elif kind == "text":
        bundle.write_text("no zip")
    elif kind == "no manifest":
        import zipfile

        with zipfile.ZipFile(str(bundle), "w") as archive:
            archive.writestr("__main__.py", "")
    elif kind == "model":
        models = {"float32": {"file": "__main__.py", "sha256": "0" * 64, "bytes": 1}}
        with_manifest(bundle, models=models)
    elif kind == "schema":
        with_manifest(bundle, schema_version=99)
    else:
        with_manifest(bundle, models={"float32": {"name": "model.onnx"}})
    code, line = refused(bundle, capsys, "predict", "--source", images)
    assert code == 4
    assert "edgedet export MODEL --bundle" in line


def flip_a_byte_of_manifest(bundle):
    """Of a compressed one, as `edgedet export` writes it."""
    import zipfile

    with zipfile.ZipFile(str(bundle)) as archive:
        text = archive.read("bundle.json")
    with zipfile.ZipFile(str(bundle), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", text)
    content = bytearray(bundle.read_bytes())
    content[30 + len("bundle.json")] ^= 0xFF  # after the 30 bytes of its header, and its name
    bundle.write_bytes(bytes(content))


def test_a_cache_that_cannot_be_written_names_the_variable(bundle, images, capsys, monkeypatch):
    Path("file").write_text("")
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, "file")
    code, line = refused(bundle, capsys, "predict", "--source", images)
    assert (code, engine_cache.FOLDER_VARIABLE in line) == (2, True)


def test_a_cache_that_cannot_be_entered(bundle, images, capsys, monkeypatch):
    """A name too long stands for a folder of another user: root may enter that."""
    monkeypatch.setenv(engine_cache.FOLDER_VARIABLE, "x" * 300)
    code, line = refused(bundle, capsys, "predict", "--source", images)
    assert (code, engine_cache.FOLDER_VARIABLE in line) == (2, True)
    assert run(bundle, "doctor") == 0
    assert "Engine" in capsys.readouterr().out


def test_a_full_disk_is_one_line(bundle, images, capsys, monkeypatch):
    import errno

    from edgedet.runtime import bundle_predict

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "results.json")

    monkeypatch.setattr(bundle_predict, "results_to_json", full)
    code, line = refused(bundle, capsys, "predict", "--source", images)
    assert (code, "No space left" in line) == (2, True)


def test_too_little_memory_is_one_line(bundle, images, capsys, monkeypatch):
    from edgedet.runtime import bundle_predict

    def none(*_, **__):
        raise MemoryError

    monkeypatch.setattr(bundle_predict, "open_choice", none)
    assert refused(bundle, capsys, "predict", "--source", images)[0] == 5


def test_a_bug_of_ours_keeps_its_traceback(bundle, images, monkeypatch):
    from edgedet.runtime import bundle_predict

    def wrong(*_, **__):
        raise ValueError("a bug")

    monkeypatch.setattr(bundle_predict, "open_choice", wrong)
    with pytest.raises(ValueError, match="a bug"):
        run(bundle, "predict", "--source", images)


def test_ctrl_c_is_130(bundle, images, capsys, monkeypatch):
    from edgedet.runtime import bundle_predict

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle_predict, "open_choice", interrupted)
    assert run(bundle, "predict", "--source", images) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_without_numpy_the_line_says_so(bundle, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    code, line = refused(bundle, capsys, "bench")
    assert (code, "python3-numpy" in line) == (5, True)


def test_bench_gives_speeds_and_what_they_depend_on(bundle, capsys):
    assert run(bundle, "bench", "--iterations", 3, "--warmup", 1, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["model"], values["device"], values["backend"]) == (
        str(bundle),
        "cpu",
        "ONNX Runtime",
    )
    assert values["network_only"]["median_ms"] > 0
    assert values["environment"]["packages"]["onnxruntime"]
    assert values["iterations"] == 3
    assert run(bundle, "bench", "--iterations", 3, "--threads", 1) == 0
    assert "frame to result" in capsys.readouterr().out


def test_the_doctor_knows_the_bundle(bundle, capsys):
    assert run(bundle, "doctor", "--json") == 0
    lines = {line["name"]: line for line in json.loads(capsys.readouterr().out)["lines"]}
    assert lines["Python"]["status"] == "ok"
    assert "for nano-trt82; input 32x32 uint8; 2 classes" in lines["Model"]["found"]
    assert (lines["Engine"]["status"], lines["Engine"]["fix"]) == ("missing", "")


def test_help_and_version(bundle, capsys):
    for words in ([], ["--help"], ["camera", "--help"], ["--version"]):
        assert run(bundle, *words) == 0
        captured = capsys.readouterr()
        assert captured.out
        assert captured.err == ""
    assert captured.out == "edgedet 0.1.0\n"


def test_the_help_of_a_bundle_says_what_it_finds(bundle, capsys):
    assert run(bundle) == 0
    assert "Finds other, blue." in " ".join(capsys.readouterr().out.split())


def test_camera_looks_at_a_video_in_its_place(bundle, folder, capsys):
    config = folder / "camera.json"
    config.write_text(json.dumps({"fast": True, "record": "seen", "name": ["door"]}))
    source = video_file(folder / "a.avi")
    assert run(bundle, "camera", "--source", source, "--config", config, "--json") == 0
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert [row["source"] for row in rows] == ["door#{}".format(i) for i in range(7)]
    assert {"detections", "time", "age_ms", "width", "height"} <= set(rows[0])
    assert "door: looked at 7 frames in " in captured.err
    (video,) = (folder / "seen").iterdir()
    assert cv2.VideoCapture(str(video)).read()[0]


def test_what_the_camera_sees_is_what_predict_finds(bundle, folder, capsys):
    source = video_file(folder / "a.avi")
    (folder / "camera.json").write_text('{"fast": true}')
    assert run(bundle, "predict", "--source", source, "--json", "--no-save") == 0
    expected = json.loads(capsys.readouterr().out)["results"]
    assert run(bundle, "camera", "--source", source, "--config", "camera.json", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["detections"] for row in rows] == [image["detections"] for image in expected]


def test_camera_ends_after_so_many_frames(bundle, images, capsys):
    assert run(bundle, "camera", "--source", "shapes://64x48@200", "--frames", 2) == 0
    captured = capsys.readouterr()
    assert "camera: looked at 2 frames in " in captured.err
    assert " ms old" in captured.out


def test_ctrl_c_ends_the_camera_and_keeps_what_was_seen(bundle, folder):
    words = ["camera", "--source", "shapes://64x48@50", "--record", "seen", "--json"]
    program = start_program(bundle, *words)
    assert json.loads(program.stdout.readline())["frame"] >= 0
    program.send_signal(signal.SIGINT)
    out, error = program.communicate(timeout=30)
    assert program.returncode == 0, error
    assert "camera: " in error
    assert all(json.loads(line) for line in out.splitlines())
    (video,) = (folder / "seen").iterdir()
    assert cv2.VideoCapture(str(video)).read()[0]


def test_show_without_a_display_is_one_line(bundle, images, capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform.startswith("linux"):
        assert refused(bundle, capsys, "camera", "--source", images, "--show")[0] == 5


def test_a_display_that_is_not_there_does_not_end_the_process(bundle, images, capsys, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    assert refused(bundle, capsys, "camera", "--source", images, "--show")[0] == 5


def test_q_in_the_window_ends_the_camera(bundle, capsys, monkeypatch):
    from edgedet.runtime.camera import window

    shown = []
    monkeypatch.setattr(window, "_require_display", lambda: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append((title, image.shape)))
    monkeypatch.setattr(cv2, "waitKey", lambda ms: ord("q") if len(shown) == 2 else -1)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: shown.append("closed"))
    assert run(bundle, "camera", "--source", "shapes://64x48@100", "--show") == 0
    assert shown == [("edgedet camera", (48, 64, 3))] * 2 + ["closed"]
    assert "camera: " in capsys.readouterr().err


def test_it_runs_as_a_program_in_another_folder(bundle, images, folder):
    (folder / "empty").mkdir()
    words = ["predict", "--source", str(images)] + WITHOUT_TENSORRT
    code, out, error = as_program(bundle, *words)
    assert (code, error.count("\n")) == (0, 3)
    assert out.startswith("3 images: ")
    code, out, error = as_program(bundle, "predict", "--source", "nowhere", *WITHOUT_TENSORRT)
    assert (code, out, error.count("\n")) == (3, "", 1)


def test_letters_beyond_ascii_are_printed_in_a_shell_without_a_language(folder, images, bundle):
    values = json.loads(str_of_manifest(bundle))
    spec = dict(values["spec"], class_names=["\u00e4pfel", "\u68a8"])
    with_manifest(bundle, spec=spec)
    code, out, error = as_program(bundle, "--help", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert code == 0, error
    assert "\\u68a8" in out


def str_of_manifest(bundle):
    import zipfile

    with zipfile.ZipFile(str(bundle)) as archive:
        return archive.read("bundle.json").decode("utf-8")


def test_an_output_that_nobody_reads_is_no_error(bundle, images):
    shell = "'{}' '{}' camera --source '{}' --json | head -n 1".format(
        sys.executable, bundle, images
    )
    done = subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert len(done.stdout.splitlines()) == 1
    assert b"Traceback" not in done.stderr


def shell(bundle, words):
    line = "'{}' '{}' {}".format(sys.executable, bundle, words)
    done = subprocess.run(["sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")


def test_closed_streams_are_no_error(bundle, images):
    predict = " ".join(["predict --source '{}'".format(images)] + WITHOUT_TENSORRT + [""])
    code, _, error = shell(bundle, predict + ">&-")
    assert (code, error.count("\n")) == (0, 3)
    code, out, _ = shell(bundle, predict + "2>&- <&-")
    assert (code, out.count("\n")) == (0, 1)
    assert shell(bundle, "nothing 2>&-") == (2, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
@pytest.mark.parametrize("words", ["predict --json --source '{}'", "predict --source '{}'"])
def test_an_output_on_a_full_disk_is_one_line_and_a_code(bundle, images, words):
    words = " ".join([words.format(images)] + WITHOUT_TENSORRT)
    code, _, error = shell(bundle, words + " >/dev/full")
    assert code == 2
    assert error.splitlines()[-1].startswith("error: expected a place that can be read and written")
    assert error.count("\n") == 4


def test_python_2_is_told_what_to_type(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (2, 7, 17, "final", 0))
    assert bundle_start.start("model.pyz") == 5
    line = "error: expected Python 3.6 or newer, found 2.7.17; run: python3 model.pyz\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(("cpu", "wanted"), [("0xd07", "ARMV8"), ("0xd08", None)])
def test_openblas_is_spared_on_the_cpu_of_a_nano(tmp_path, monkeypatch, cpu, wanted):
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nCPU part\t: {}\n".format(cpu))
    monkeypatch.setattr(os, "environ", {})
    bundle_start._spare_openblas(str(file))
    assert os.environ.get("OPENBLAS_CORETYPE") == wanted
    bundle_start._spare_openblas(str(tmp_path / "none"))


def test_what_the_user_set_for_openblas_stays(tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    file.write_text("CPU part\t: 0xd07\n")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "CORTEXA57")
    bundle_start._spare_openblas(str(file))
    assert os.environ["OPENBLAS_CORETYPE"] == "CORTEXA57"


def test_nothing_but_the_bundle_is_imported(bundle, images):
    """Neither the packages of the host, nor numpy for the doctor: it may be what crashes."""
    code = (
        "import runpy, sys\n"
        "sys.argv = {!r}\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit: pass\n"
        "names = ('numpy', 'onnx', 'torch', 'cv2', 'typer')\n"
        "sys.stderr.write(' '.join(n for n in names if n in sys.modules))"
    )
    loaded = {}
    for words in (["doctor"], ["predict", "--source", str(images)]):
        done = subprocess.run(
            [sys.executable, "-c", code.format([str(bundle)] + words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=True,
        )
        loaded[words[0]] = done.stderr.decode("utf-8").splitlines()[-1:]
    assert loaded == {"doctor": [], "predict": ["numpy cv2"]}


def test_a_model_of_another_shape_runs_as_well(folder, images):
    bundle = write_small_bundle(folder / "other.pyz", CONVOLUTION)
    assert run(bundle, "predict", "--source", images) == 0
