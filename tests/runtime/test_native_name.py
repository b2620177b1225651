import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import edgedet
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.detections import Detections
from edgedet.runtime.errors import UsageError
from edgedet.runtime.native_name import native_name
from edgedet.runtime.sinks import AnnotatedVideo
from edgedet.runtime.sources import Frame, open_source

pytest.importorskip("cv2")

FOREIGN = "f\udcfcr.mp4"
"""A byte that is no letter, as Python reads it from the file system."""


def test_letters_of_any_language_are_a_name():
    assert native_name(Path("f\u00fcr.mp4")) == "f\u00fcr.mp4"


def test_a_video_with_a_foreign_name_is_one_line(tmp_path):
    (tmp_path / FOREIGN).write_bytes(b"something")
    with pytest.raises(UsageError, match=r"language, found '.*f\\udcfcr.mp4'.* LC_ALL=C.UTF-8"):
        open_source(tmp_path / FOREIGN)


def with_video(path, frame):
    with AnnotatedVideo(path, ("a",), 10.0) as video:
        video.put(frame, Detections.empty())


def test_writing_a_video_with_a_foreign_name_is_one_line(tmp_path):
    frame = Frame(np.zeros((48, 64, 3), np.uint8), "camera", 0, None)
    with pytest.raises(UsageError, match="language"):
        with_video(tmp_path / FOREIGN, frame)
    assert list(tmp_path.iterdir()) == []


def test_a_model_in_a_folder_with_a_foreign_name_is_one_line(tmp_path):
    pytest.importorskip("onnxruntime")
    golden = Path(__file__).parent.parent / "golden" / "tiny_detector.onnx"
    model = tmp_path / (FOREIGN + ".onnx")
    model.write_bytes(golden.read_bytes())
    with pytest.raises(UsageError, match="language"):
        OnnxRuntimeBackend(model)


def test_a_shell_without_a_language_never_crashes(tmp_path):
    """Python 3.6 has only ASCII there."""
    folder = Path(edgedet.__file__).parent.parent
    video = tmp_path / "f\u00fcr.mp4"
    video.write_bytes(b"something")
    text = "import sys; sys.path.insert(0, sys.argv[1]); from edgedet.runtime.sources import *\n"
    text += "from edgedet.runtime.errors import EdgedetError\n"
    text += "try: open_source(sys.argv[2])\nexcept EdgedetError: sys.exit(7)"
    done = subprocess.run(
        [sys.executable, "-c", text, str(folder), str(video)],
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 7
