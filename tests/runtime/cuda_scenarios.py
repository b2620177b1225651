"""What the CUDA layer promises, as programs that any binding has to pass.

`python cuda_scenarios.py BINDING` runs them all in one process, whose libcuda.so.1 is the fake one,
and prints as JSON which failed how. Each leaves the fake GPU clean.
"""

import ctypes
import gc
import json
import sys
import threading
import traceback

import numpy as np
import pytest
from fake_cuda import FakeGpu

from edgedet.runtime import cuda_memory
from edgedet.runtime.cuda_errors import OUT_OF_MEMORY, CudaError, NoGpuError
from edgedet.runtime.errors import DeviceError

SCENARIOS = {}
LAUNCH_FAILED = "CUDA_ERROR_LAUNCH_FAILED"


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def buffers(cuda, n=6, dtype="float32"):
    """A host array 0..n-1, device memory as large, and a host array of -1."""
    source, result = cuda.host_buffer((n,), dtype), cuda.host_buffer((n,), dtype)
    source.array[...] = np.arange(n)
    result.array[...] = -1
    return source, cuda.device_buffer(source.n_bytes), result


@scenario
def what_the_gpu_is(gpu, open_cuda):
    with open_cuda() as cuda:
        found = cuda.device_name, cuda.compute_capability, cuda.integrated
        assert found == ("NVIDIA GeForce RTX 3090", "8.6", False)
        assert cuda.memory_free_total() == (1 << 30, 1 << 30)
        memory = cuda.device_buffer(1000)
        assert cuda.memory_free_total() == ((1 << 30) - 1000, 1 << 30)
        memory.free()
        assert cuda.memory_free_total() == (1 << 30, 1 << 30)
    gpu.device()
    with open_cuda() as cuda:
        found = cuda.device_name, cuda.compute_capability, cuda.integrated
        assert found == ("NVIDIA Tegra X1", "5.3", True)


@scenario
def copies_wait_for_the_stream(gpu, open_cuda):
    with open_cuda() as cuda:
        stream = cuda.stream()
        source, memory, result = buffers(cuda)
        address = memory.address
        stream.copy_to_device(memory, source)
        moved = gpu.enqueue(stream.handle, lambda: gpu.write(address, gpu.read(address + 4, 4)))
        stream.copy_to_host(result, memory)
        assert moved == 0
        assert (result.array == -1).all()
        stream.synchronize()
        assert result.array.tolist() == [1, 1, 2, 3, 4, 5]
    assert gpu.errors == []


@scenario
def arrays_of_any_shape_and_type(gpu, open_cuda):
    with open_cuda() as cuda:
        stream, memory = cuda.stream(), cuda.device_buffer(1000)
        for shape, dtype in (
            ((2, 3, 4), np.uint8),
            ((1,), "int64"),
            ((), np.float32),
            ((5, 1), bool),
        ):
            source, result = cuda.host_buffer(shape, dtype), cuda.host_buffer(shape, dtype)
            source.array[...] = 1
            result.array[...] = 0
            stream.copy_to_device(memory, source)
            stream.copy_to_host(result, memory)
            stream.synchronize()
            assert result.array.shape == shape
            assert result.array.dtype == np.dtype(dtype)
            assert (result.array == 1).all()
            source.free()
            result.free()


@scenario
def mapped_memory_needs_no_copy(gpu, open_cuda):
    with open_cuda() as cuda:
        plain, mapped = (
            cuda.host_buffer((4,), "uint8"),
            cuda.host_buffer((4,), "uint8", mapped=True),
        )
        assert plain.device_address == 0
        mapped.array[...] = [1, 2, 3, 4]
        assert mapped.device_address not in (0, mapped.address)
        assert gpu.read(mapped.device_address, 4) == b"\1\2\3\4"
        gpu.write(mapped.device_address, b"\7")
        assert mapped.array[0] == 7
        mapped.free()
        assert mapped.device_address == 0


@scenario
def events_wait_and_take_the_time(gpu, open_cuda):
    with open_cuda() as cuda:
        stream = cuda.stream()
        source, memory, result = buffers(cuda)
        start = stream.record()
        stream.copy_to_device(memory, source)
        stream.copy_to_host(result, memory)
        end = stream.record()
        stream.copy_to_device(memory, result)
        end.synchronize()
        assert result.array.tolist() == [0, 1, 2, 3, 4, 5]
        assert end.elapsed_ms(start) == 3
        assert stream.record(end) is end
        with pytest.raises(CudaError, match="CUDA_ERROR_NOT_READY|not ready"):
            end.elapsed_ms(start)
        end.synchronize()
        assert end.elapsed_ms(start) == 5
        assert gpu.live()["events"] == 2
        end.free()
        end.free()
        assert gpu.live()["events"] == 1
        with pytest.raises(ValueError, match="freed"):
            end.synchronize()


@scenario
def graphs_are_replayed(gpu, open_cuda):
    with open_cuda() as cuda:
        assert cuda.can_capture
        stream, other = cuda.stream(), cuda.stream()
        source, memory, result = buffers(cuda)
        address, runs = memory.address, []
        with stream.capture() as graph:
            stream.copy_to_device(memory, source)
            gpu.enqueue(stream.handle, lambda: runs.append(gpu.read(address, 4)))
            stream.copy_to_host(result, memory)
        stream.synchronize()
        assert (runs, result.array[0]) == ([], -1)
        for value in (7, 8):
            source.array[...] = value
            graph.launch(stream if value == 7 else other)
            assert result.array[0] != value
            (stream if value == 7 else other).synchronize()
            assert (result.array == value).all()
        assert len(runs) == 2
        graph.free()
        graph.free()
        with pytest.raises(ValueError, match="graph that was freed"):
            graph.launch(stream)


@scenario
def a_spoiled_capture_leaves_a_working_stream(gpu, open_cuda):
    with open_cuda() as cuda:
        stream = cuda.stream()
        source, memory, result = buffers(cuda)
        small = cuda.device_buffer(8)

        def captured(*work):
            with stream.capture():
                for function, *arguments in work:
                    function(*arguments)

        def hidden():
            with pytest.raises(CudaError, match="cuMemAlloc.*CAPTURE_UNSUPPORTED"):
                cuda.device_buffer(4)

        with pytest.raises(CudaError, match="cuStreamSynchronize.*CAPTURE_UNSUPPORTED"):
            captured([stream.synchronize])
        with pytest.raises(CudaError, match="cuStreamEndCapture.*CAPTURE_INVALIDATED"):
            captured([hidden])
        copy = stream.copy_to_device
        with pytest.raises(ValueError, match="24 bytes for 8"):
            captured([copy, memory, source], [copy, small, source])
        assert gpu.live()["graphs"] == gpu.live()["executables"] == 0
        stream.copy_to_device(memory, source)
        stream.copy_to_host(result, memory)
        stream.synchronize()
        assert result.array.tolist() == [0, 1, 2, 3, 4, 5]


@scenario
def too_much_memory(gpu, open_cuda):
    gpu.device(n_bytes=1 << 20)
    with open_cuda() as cuda:
        held = cuda.device_buffer(3 << 18)
        with pytest.raises(CudaError) as told:
            cuda.device_buffer(1 << 19)
        assert told.value.name == OUT_OF_MEMORY
        assert str(told.value) == (
            "expected the CUDA call cuMemAlloc to give 0.5 MB, found CUDA_ERROR_OUT_OF_MEMORY with"
            " 0.3 of 1.0 MB free; close what else uses the GPU, or take a smaller batch or input"
        )
        held.free()
        cuda.device_buffer(1 << 19)
        gpu.fail("cuMemHostAlloc", code=2)
        with pytest.raises(CudaError, match="to give 0.0 MB, found CUDA_ERROR_OUT_OF_MEMORY with"):
            cuda.host_buffer((4,), "uint8")


@scenario
def freed_is_freed(gpu, open_cuda):
    with open_cuda() as cuda:
        stream = cuda.stream()
        source, memory, result = buffers(cuda)
        for held in (memory, result, memory, result):
            held.free()
        assert (memory.address, result.address) == (0, 0)
        with pytest.raises(ValueError, match="freed"):
            result.array.tolist()
        with pytest.raises(ValueError, match="freed"):
            stream.copy_to_device(memory, source)
        with pytest.raises(ValueError, match="freed"):
            stream.copy_to_host(result, memory)
        with pytest.raises(ValueError, match="24 bytes for 8"):
            stream.copy_to_device(cuda.device_buffer(8), source)
        stream.free()
        stream.free()
        assert stream.handle == 0
        with pytest.raises(ValueError, match="stream that was freed"):
            stream.synchronize()
    cuda.close()


@scenario
def close_frees_what_is_left(gpu, open_cuda):
    cuda = open_cuda()
    stream = cuda.stream()
    source, memory, result = buffers(cuda)
    with stream.capture():
        stream.copy_to_device(memory, source)
    stream.record()
    stream.copy_to_host(result, memory)  # nobody waits for it
    cuda.close()
    cuda.close()


@scenario
def a_forgotten_one_is_freed(gpu, open_cuda):
    cuda = open_cuda()
    kept = cuda.host_buffer((3,), "uint8")
    kept.array[...] = 5
    view = kept.array[1:]
    cuda.stream()
    cuda.device_buffer(10)
    del cuda, kept
    gc.collect()
    assert view.tolist() == [5, 5]
    assert gpu.live()["contexts"] > 0
    del view
    gc.collect()


@scenario
def several_at_once(gpu, open_cuda):
    with open_cuda() as first:
        holds = gpu.live()["contexts"]
        stream = first.stream()
        source, memory, result = buffers(first)
        with open_cuda() as second:
            assert gpu.live()["contexts"] == 2 * holds
            second.stream().copy_to_device(*buffers(second)[1::-1])
        assert gpu.live()["contexts"] == holds
        stream.copy_to_device(memory, source)
        stream.copy_to_host(result, memory)
        stream.synchronize()
        assert result.array.tolist() == [0, 1, 2, 3, 4, 5]


@scenario
def any_thread_may_use_it(gpu, open_cuda):
    found = []

    def work(cuda):
        stream = cuda.stream()
        source, memory, result = buffers(cuda)
        stream.copy_to_device(memory, source)
        stream.copy_to_host(result, memory)
        stream.synchronize()
        found.append(result.array.tolist())
        result.free()

    cuda = open_cuda()
    in_thread(work, cuda)
    work(cuda)
    in_thread(cuda.close)
    assert found == [[0, 1, 2, 3, 4, 5]] * 2


def in_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    thread.join()


@scenario
def a_foreign_context_stays_current(gpu, open_cuda):
    driver = ctypes.CDLL(str(gpu.library))

    def current():
        context = ctypes.c_void_p()
        assert driver.cuCtxGetCurrent(ctypes.byref(context)) == 0
        return context.value

    cuda = open_cuda()
    assert current() is None
    foreign = ctypes.c_void_p()
    assert driver.cuCtxCreate_v2(ctypes.byref(foreign), 0, 0) == 0
    stream = cuda.stream()
    source, memory, _ = buffers(cuda)
    stream.copy_to_device(memory, source)
    assert current() == foreign.value
    with cuda.current():
        ours = current()
        assert ours not in (None, foreign.value)
        with cuda.current():
            assert current() == ours
        assert current() == ours
        stream.synchronize()
        memory.free()
    assert current() == foreign.value
    cuda.close()
    assert current() == foreign.value
    assert driver.cuCtxDestroy_v2(foreign) == 0
    assert current() is None


@scenario
def an_error_in_the_stream_comes_out_when_it_is_waited_for(gpu, open_cuda):
    cuda = open_cuda()
    stream = cuda.stream()
    buffers(cuda)
    gpu.enqueue(stream.handle, lambda: gpu.read(1234, 4))
    with pytest.raises(CudaError, match="cuStreamSynchronize.*ILLEGAL.*lost to this process"):
        stream.synchronize()
    assert [str(error) for error in gpu.errors] == ["4 bytes at 0x4d2 are no device memory"]
    with pytest.raises(CudaError, match="ILLEGAL_ADDRESS"):
        cuda.device_buffer(4)


@scenario
def no_gpu(gpu, open_cuda):
    causes = {
        100: "CUDA_ERROR_NO_DEVICE from cuInit; check nvidia-smi",
        34: "CUDA_ERROR_STUB_LIBRARY from cuInit; the libcuda that was found is the CUDA toolkit's",
        3: "CUDA_ERROR_NOT_INITIALIZED from cuInit; CUDA does not survive a fork",
        803: "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH from cuInit; the driver was updated",
        999: "CUDA_ERROR_UNKNOWN from cuInit; the driver does not start",
    }
    for code, cause in causes.items():
        gpu.fail("cuInit", code=code)
        with pytest.raises(NoGpuError) as told:
            open_cuda()
        assert str(told.value).startswith("expected a GPU that CUDA can use, found " + cause)


def use_everything(open_cuda):
    """One of each call that there is."""
    with open_cuda() as cuda:
        cuda.memory_free_total()
        stream = cuda.stream()
        source, memory, result = buffers(cuda)
        cuda.host_buffer((4,), "uint8", mapped=True).free()
        stream.copy_to_device(memory, source)
        start = stream.record()
        with stream.capture() as graph:
            stream.copy_to_host(result, memory)
        graph.launch(stream)
        end = stream.record()
        end.synchronize()
        end.elapsed_ms(start)
        graph.free()
        stream.synchronize()
        result.free()


@scenario
def any_call_may_fail(gpu, open_cuda):
    use_everything(open_cuda)
    names, unseen = gpu.names(), set()
    for nth, name in enumerate(names, 1):
        if name in SPARED[open_cuda.binding]:
            continue
        gpu.reset()
        gpu.fail("*", nth)
        found = error_of(use_everything, open_cuda)
        if not found:
            unseen.add(name)
        assert not found or LAUNCH_FAILED in found
        assert "\n" not in found
        gpu.require_clean()
    assert unseen <= UNTOLD[open_cuda.binding]


def error_of(function, *arguments):
    """Return the user's error that a function raises, "" for none."""
    try:
        function(*arguments)
    except DeviceError as error:
        return str(error)
    return ""


SPARED = {"ctypes": (), "cuda-python": (), "pycuda": ("cuCtxPushCurrent", "cuCtxPopCurrent")}
"""pycuda's own stack of contexts goes wrong for good when these fail."""
UNTOLD = {
    "ctypes": set(),
    "cuda-python": set(),
    "pycuda": {"cuStreamDestroy", "cuEventDestroy", "cuMemFree", "cuMemFreeHost"}
    | {"cuDevicePrimaryCtxRelease"},
}
"""pycuda prints a warning instead of raising when freeing fails."""


def opener(binding):
    """`open_cuda` of that binding."""

    def opened():
        return cuda_memory.open_cuda(binding)

    opened.binding = binding
    return opened


def run(name, gpu, binding):
    """Run one scenario and require that it leaves nothing behind."""
    gpu.reset()
    try:
        SCENARIOS[name](gpu, opener(binding))
    finally:
        gpu.fail(nth=0)
    gc.collect()
    gpu.require_clean()


def main(binding):
    # For everybody: a pycuda that was linked where there was no driver does not ask for the file.
    ctypes.CDLL("libcuda.so.1", mode=ctypes.RTLD_GLOBAL)
    gpu, failures = FakeGpu("libcuda.so.1"), {}
    for name in SCENARIOS:
        try:
            run(name, gpu, binding)
        except Exception:
            failures[name] = traceback.format_exc()
    sys.stdout.write(json.dumps(failures))


if __name__ == "__main__":
    main(sys.argv[1])
