"""What all outputs of one run know."""

from typing import TYPE_CHECKING, Callable, Mapping, NamedTuple, Tuple

from .controls import Controls
from .health import Health

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .seen import Seen


class Scene(NamedTuple):
    """The cameras and the model, as outputs see them."""

    cameras: Mapping[str, Health]
    """By name."""
    class_names: Tuple[str, ...]
    """Of the model."""
    controls: Controls
    paint: "Callable[[Seen], NDArray[np.uint8]]"
    """Gives the picture of a frame with all that was found in it."""
    write: Callable[[str], object]
    """Writes a text to stdout at once."""
    tell: Callable[[str], object]
    """Tells the user a line, on stderr."""
