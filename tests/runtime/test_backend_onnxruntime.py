from pathlib import Path

import numpy as np
import pytest

from edgedet.runtime import DeviceError, ModelError, UsageError
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.onnx_session import session_options

ort = pytest.importorskip("onnxruntime")

TINY = Path(__file__).parent.parent / "golden" / "tiny_detector.onnx"
BLACK = np.zeros((1, 32, 32, 3), np.uint8)


def _changed(tmp_path, old, new):
    """The tiny model with some bytes replaced, as many as before: protobuf keeps lengths."""
    assert len(old) == len(new)
    data = TINY.read_bytes()
    assert old in data
    path = tmp_path / "changed.onnx"
    path.write_bytes(data.replace(old, new))
    return path


def test_the_file_tells_what_it_is():
    with OnnxRuntimeBackend(TINY) as backend:
        assert backend.spec.class_names == ("other", "blue")
        assert backend.batch == 1
        assert backend.providers == ("CPUExecutionProvider",)


def test_outputs_have_the_documented_shapes():
    image = BLACK.copy()
    image[0, 8:16, 16:24, 0] = 255
    with OnnxRuntimeBackend(str(TINY), threads=1) as backend:
        boxes_xyxy, scores, labels = backend.infer(image)
    assert (boxes_xyxy.shape, scores.shape, labels.shape) == ((1, 16, 4), (1, 16), (1, 16))
    assert (boxes_xyxy.dtype, scores.dtype, labels.dtype) == (np.float32, np.float32, np.int64)
    assert boxes_xyxy[0, 0].tolist() == [16, 8, 24, 16]
    assert scores[0, 0] == pytest.approx(1 / 3)
    assert labels[0, 0] == 1


@pytest.mark.parametrize(
    "batch", [BLACK[0], BLACK.astype(np.float32), np.zeros((2, 32, 32, 3), np.uint8)]
)
def test_another_batch_is_refused(batch):
    with OnnxRuntimeBackend(TINY) as backend, pytest.raises(ValueError, match="expected a batch"):
        backend.infer(batch)


def test_a_closed_backend_says_so():
    backend = OnnxRuntimeBackend(TINY)
    backend.close()
    backend.close()
    with pytest.raises(ValueError, match="closed"):
        backend.infer(BLACK)


def test_a_missing_file():
    with pytest.raises(ModelError, match=r"nothing\.onnx"):
        OnnxRuntimeBackend("nothing.onnx")


@pytest.mark.parametrize("data", [b"", b"no model at all", TINY.read_bytes()[:700]])
def test_a_broken_file(tmp_path, data, capfd):
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"broken\.onnx") as caught:
        OnnxRuntimeBackend(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_file_without_metadata(tmp_path):
    path = _changed(tmp_path, b"edgedet.spec", b"edgedet.nope")
    with pytest.raises(ModelError, match="edgedet export"):
        OnnxRuntimeBackend(path)


def test_a_spec_that_the_graph_contradicts(tmp_path):
    path = _changed(tmp_path, b'"size_hw": [32, 32]', b'"size_hw": [32, 16]')
    with pytest.raises(ModelError, match="32, 16, 3"):
        OnnxRuntimeBackend(path)


def test_a_spec_of_another_version(tmp_path):
    path = _changed(tmp_path, b'"schema_version": 1', b'"schema_version": 9')
    with pytest.raises(ModelError, match="version 9"):
        OnnxRuntimeBackend(path)


def test_an_absent_provider_is_refused():
    with pytest.raises(DeviceError, match="NoSuchExecutionProvider"):
        OnnxRuntimeBackend(TINY, providers=["NoSuchExecutionProvider"])


def test_a_provider_replaced_by_the_cpu_is_refused(monkeypatch):
    """As when the CUDA libraries do not load: ONNX Runtime goes on with the CPU."""

    class Session:
        def __init__(self, *args, **kwargs):
            pass

        def get_providers(self):
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", Session)
    with pytest.raises(DeviceError, match="CPUExecutionProvider in its place"):
        OnnxRuntimeBackend(TINY, providers=["CUDAExecutionProvider"])


def test_threads_reach_the_session_and_do_not_spin():
    options = session_options(ort, 3)
    assert options.intra_op_num_threads == 3
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    assert session_options(ort, None).intra_op_num_threads == 0


@pytest.mark.parametrize("threads", [0, -1])
def test_no_thread_at_all_is_a_usage_error(threads):
    with pytest.raises(UsageError, match="threads"):
        OnnxRuntimeBackend(TINY, threads=threads)


def test_the_network_alone_runs_on_what_was_given_last():
    with OnnxRuntimeBackend(TINY) as backend:
        with pytest.raises(ValueError, match="infer before"):
            backend.run_only()
        backend.infer(BLACK)
        backend.run_only()
        outputs = backend.session._binding.copy_outputs_to_cpu()
        for there, here in zip(outputs, backend.infer(BLACK)):
            np.testing.assert_array_equal(there, here)
