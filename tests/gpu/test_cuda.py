"""The three ways to the CUDA driver on a real GPU; Python 3.6 runs these too."""

import importlib.util
import threading

import numpy as np
import pytest

from edgedet.runtime.cuda_memory import CudaError, open_cuda

pytestmark = pytest.mark.gpu

MODULES = {"pycuda": "pycuda", "cuda-python": "cuda.bindings", "ctypes": "ctypes"}
MB = 1 << 20


def is_installed(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # its parent is not there
        return False


@pytest.fixture(params=sorted(MODULES))
def cuda(request):
    if not is_installed(MODULES[request.param]):
        pytest.skip(f"{request.param} is not installed")
    with open_cuda(request.param) as opened:
        yield opened


def filled(cuda, values):
    buffer = cuda.host_buffer(values.shape, values.dtype)
    buffer.array[...] = values
    return buffer


def test_it_is_this_gpu(cuda, gpu):
    assert cuda.device_name == gpu.name
    assert cuda.compute_capability == gpu.compute_capability
    free, total = cuda.memory_free_total()
    assert 0 < free <= total


def test_what_goes_to_the_gpu_comes_back(cuda):
    values = np.random.RandomState(0).randint(0, 256, (3, 1000, 1000)).astype(np.uint8)
    source, target = filled(cuda, values), cuda.host_buffer(values.shape, values.dtype)
    on_gpu, stream = cuda.device_buffer(values.nbytes), cuda.stream()
    start = stream.record()
    stream.copy_to_device(on_gpu, source)
    stream.copy_to_host(target, on_gpu)
    end = stream.record()
    end.synchronize()
    assert (target.array == values).all()
    assert 0 < end.elapsed_ms(start) < 1000


def test_mapped_memory_is_seen_by_the_gpu(cuda):
    values = np.arange(1000, dtype=np.float32)
    source = cuda.host_buffer(values.shape, values.dtype, mapped=True)
    source.array[...] = values
    assert source.device_address != 0


def test_two_streams_do_not_disturb_each_other(cuda):
    sources = [filled(cuda, np.full(MB, number, np.uint8)) for number in (1, 2)]
    streams = [cuda.stream() for _ in sources]
    on_gpu = [cuda.device_buffer(MB) for _ in sources]
    targets = [cuda.host_buffer((MB,), np.uint8) for _ in sources]
    for _ in range(20):
        for stream, source, buffer, target in zip(streams, sources, on_gpu, targets):
            stream.copy_to_device(buffer, source)
            stream.copy_to_host(target, buffer)
    for stream in streams:
        stream.synchronize()
    assert [set(target.array.tolist()) for target in targets] == [{1}, {2}]


def test_a_graph_repeats_what_was_captured(cuda):
    stream = cuda.stream()
    if not stream.can_capture:
        pytest.skip("this driver captures no streams")
    source, target = filled(cuda, np.zeros(MB, np.uint8)), cuda.host_buffer((MB,), np.uint8)
    on_gpu = cuda.device_buffer(MB)
    with stream.capture() as graph:
        stream.copy_to_device(on_gpu, source)
        stream.copy_to_host(target, on_gpu)
    for number in (7, 9):
        source.array[...] = number
        graph.launch(stream)
        stream.synchronize()
        assert set(target.array.tolist()) == {number}


def test_freed_memory_is_free(cuda):
    before, _ = cuda.memory_free_total()
    buffer = cuda.device_buffer(256 * MB)
    during, _ = cuda.memory_free_total()
    buffer.free()
    buffer.free()
    after, _ = cuda.memory_free_total()
    assert before - during >= 255 * MB
    assert after - during >= 255 * MB


def test_too_much_is_refused_and_the_rest_works_on(cuda):
    _, total = cuda.memory_free_total()
    with pytest.raises(CudaError, match="MB free"):
        cuda.device_buffer(2 * total)
    cuda.device_buffer(MB).free()


def test_any_thread_may_use_it(cuda):
    found = []

    def work():
        source, target = filled(cuda, np.full(MB, 5, np.uint8)), cuda.host_buffer((MB,), np.uint8)
        on_gpu, stream = cuda.device_buffer(MB), cuda.stream()
        stream.copy_to_device(on_gpu, source)
        stream.copy_to_host(target, on_gpu)
        stream.synchronize()
        found.append(set(target.array.tolist()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [{5}]


def test_opened_and_closed_a_hundred_times_nothing_is_left(cuda):
    before, _ = cuda.memory_free_total()
    for _ in range(100):
        with open_cuda(cuda.name) as again:
            again.device_buffer(MB)
            again.host_buffer((MB,), np.uint8)
            again.stream()
    after, _ = cuda.memory_free_total()
    assert before - after < 8 * MB
