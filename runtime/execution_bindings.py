"""Running an engine of TensorRT 8.2 and 8.4: tensors have an index, a run takes their addresses."""

from typing import TYPE_CHECKING, Dict, List, Tuple

from .engine_tensors import EngineTensor, engine_tensor

if TYPE_CHECKING:
    from .loaded_engine import LoadedEngine


class BindingExecution:
    """The calls that TensorRT 10 no longer has.

    Engine and context are asked of the `LoadedEngine` at each call, never kept: see there.
    """

    def __init__(self, loaded: "LoadedEngine", index: int) -> None:
        """index: of the context."""
        self._loaded, self._index = loaded, index
        self._order: List[str] = [tensor.name for tensor in self.tensors()]

    def tensors(self) -> Tuple[EngineTensor, ...]:
        """Inputs and outputs, in the order in which a run takes their addresses."""
        count = self._loaded.engine.num_bindings
        return tuple(self._tensor(index) for index in range(count))

    def queue(self, addresses: Dict[str, int], stream: int) -> bool:
        """Queue one run on the CUDA stream of that handle; False: TensorRT's log says why.

        addresses: on the device, by the name of the tensor.
        """
        pointers = [addresses[name] for name in self._order]
        context = self._loaded.contexts[self._index]
        return bool(context.execute_async_v2(pointers, stream))

    def _tensor(self, index: int) -> EngineTensor:
        return engine_tensor(
            self._loaded.engine.get_binding_name(index),
            self._loaded.engine.binding_is_input(index),
            self._loaded.engine.get_binding_dtype(index),
            self._loaded.engine.get_binding_shape(index),
        )
