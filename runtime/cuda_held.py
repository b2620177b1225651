"""Something of the GPU's that is ours until it is given back."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cuda_binding import Binding
    from .cuda_memory import Cuda


class Held(ABC):
    """One thing that a `Cuda` made, and frees when it closes, if nobody did before."""

    what: str
    """Its name with an article, for messages."""

    def __init__(self, cuda: "Cuda", token: Any) -> None:
        """token: the binding's own object; None as long as there is none yet."""
        self._cuda, self._token = cuda, token

    @property
    def token(self) -> Any:
        """The binding's own object; ValueError once it was freed, or before there is one."""
        if self._token is None:
            raise ValueError("{} that was freed, or is not made yet".format(self.what))
        return self._token

    def free(self) -> None:
        """Give it back, once the GPU is done with it. Again is nothing."""
        if self._token is None:
            return
        with self._cuda.current() as binding:
            token, self._token = self._token, None
            self._cuda.forget(self)
            self._give_back(binding, token)

    @abstractmethod
    def _give_back(self, binding: "Binding", token: Any) -> None:
        """Free what the token stands for, in the context that is current."""
