"""Running an engine of TensorRT 8.5 or newer, or TensorRT-RTX: tensors are known by name."""

from typing import TYPE_CHECKING, Dict, Tuple

from .engine_tensors import EngineTensor, engine_tensor

if TYPE_CHECKING:
    from .loaded_engine import LoadedEngine


class TensorExecution:
    """The calls that TensorRT 8.2 does not have yet.

    Engine and context are asked of the `LoadedEngine` at each call, never kept: see there.
    """

    def __init__(self, loaded: "LoadedEngine", index: int) -> None:
        """index: of the context."""
        self._loaded, self._index = loaded, index

    def tensors(self) -> Tuple[EngineTensor, ...]:
        """Inputs and outputs."""
        count = self._loaded.engine.num_io_tensors
        names = [self._loaded.engine.get_tensor_name(index) for index in range(count)]
        return tuple(self._tensor(name) for name in names)

    def queue(self, addresses: Dict[str, int], stream: int) -> bool:
        """Queue one run on the CUDA stream of that handle; False: TensorRT's log says why.

        addresses: on the device, by the name of the tensor.
        """
        context = self._loaded.contexts[self._index]
        for name, address in addresses.items():
            if not context.set_tensor_address(name, address):
                return False
        return bool(context.execute_async_v3(stream))

    def _tensor(self, name: str) -> EngineTensor:
        inputs = self._loaded.flavour.module.TensorIOMode.INPUT
        return engine_tensor(
            name,
            self._loaded.engine.get_tensor_mode(name) == inputs,
            self._loaded.engine.get_tensor_dtype(name),
            self._loaded.engine.get_tensor_shape(name),
        )
