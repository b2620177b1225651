import subprocess
import sys
import types

import pytest

import edgedet.runtime
from edgedet.runtime import DeviceError
from edgedet.runtime.lazy import require


def test_a_module_that_is_there_is_returned():
    assert require("json", "never shown") is sys.modules["json"]


def test_an_absent_module_says_how_to_get_it():
    with pytest.raises(DeviceError, match="run `pip install nothing`") as caught:
        require("edgedet_has_no_such_module", "run `pip install nothing`")
    assert "edgedet_has_no_such_module" in str(caught.value)


def test_a_module_that_fails_to_load_says_why(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("raise ImportError('libGL.so.1 is missing')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DeviceError, match=r"libGL\.so\.1"):
        require("half_installed", "install libGL")


def test_a_module_whose_libraries_fail_to_load_says_why(tmp_path, monkeypatch):
    """As TensorRT of pip does, which loads them by ctypes."""
    (tmp_path / "bound.py").write_text("import ctypes; ctypes.CDLL('libnvinfer.so.0')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DeviceError, match=r"libnvinfer\.so\.0.*; install it again"):
        require("bound", "install it again")


def test_ctrl_c_in_an_import_is_no_missing_module(tmp_path, monkeypatch):
    """Extensions of pybind11, as TensorRT's, turn it into an ImportError."""
    (tmp_path / "slow.py").write_text(
        "raise ImportError('initialization failed') from KeyboardInterrupt()"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        require("slow", "install it again")


def test_a_folder_is_no_module(tmp_path, monkeypatch):
    """One of that name in the current folder, or what pip left of a package."""
    (tmp_path / "only_a_folder" / "__pycache__").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(DeviceError, match="only a folder, .*only_a_folder; install it"):
        require("only_a_folder", "install it")


@pytest.mark.parametrize("name", edgedet.runtime.__all__)
def test_the_public_names_are_there(name):
    assert getattr(edgedet.runtime, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="detect_everything"):
        edgedet.runtime.detect_everything  # noqa: B018


def test_the_public_api_imports_neither_opencv_nor_onnxruntime():
    code = (
        "import sys\n"
        "from edgedet.runtime import *\n"
        "assert open_detector\n"
        "print([m for m in ('cv2', 'onnxruntime') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code]).decode().strip() == "[]"


def test_errors_and_specs_import_without_numpy():
    code = (
        "import sys\n"
        "from edgedet.runtime import EdgedetError, ModelSpec\n"
        "print('numpy' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code]).decode().strip() == "False"


def test_opencv_is_named_with_its_package(monkeypatch):
    from edgedet.runtime.opencv import opencv

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DeviceError, match="opencv-python-headless"):
        opencv()


def test_a_build_without_a_log_switch_stays_as_it_is():
    from edgedet.runtime.opencv import quiet

    with quiet(types.ModuleType("cv2")):
        pass
