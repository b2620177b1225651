"""The CUDA memory layer against a driver that enforces the contract."""

import numpy as np
from fake_cuda import fake_cuda

from edgedet.runtime.cuda_memory import open_cuda


def test_there_and_back():
    with fake_cuda() as gpu:
        with open_cuda() as cuda:
            stream = cuda.stream()
            source = cuda.host_buffer((2, 3), np.float32)
            result = cuda.host_buffer((2, 3), "float32")
            memory = cuda.device_buffer(24)
            source.array[...] = np.arange(6).reshape(2, 3)
            result.array[...] = -1
            stream.copy_to_device(memory, source)
            gpu.enqueue(
                stream.handle, lambda: gpu.write(memory.address, gpu.read(memory.address + 4, 4))
            )
            stream.copy_to_host(result, memory)
            assert (result.array == -1).all()
            stream.synchronize()
            assert result.array.tolist() == [[1, 1, 2], [3, 4, 5]]
            with stream.capture() as graph:
                stream.copy_to_device(memory, source)
                stream.copy_to_host(result, memory)
            start = stream.record()
            source.array[...] = 7
            graph.launch(stream)
            end = stream.record()
            assert (result.array != 7).all()
            end.synchronize()
            assert (result.array == 7).all()
            assert end.elapsed_ms(start) == 3
            del source, result
        assert not gpu.errors
        gpu.require_clean()
