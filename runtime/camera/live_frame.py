"""One frame of a camera and when it was captured."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LiveFrame(NamedTuple):
    """A frame on its way from a camera to the outputs."""

    camera: str
    """Its name, unique among the cameras of a run; never a URI, which may hold a password."""
    image_bgr: "NDArray[np.uint8]"
    """[H,W,3]; nobody writes into it."""
    number: int
    """Of the frames that this camera gave, from 0; gaps and dropped frames do not reset it."""
    captured_s: float
    """`time.monotonic()` when it came: ages are measured from here."""
    epoch_s: float
    """`time.time()` when it came, for records; it may step."""
    scene_s: float
    """Time in what is seen, for tracks, zones, events and recordings: `captured_s`, but the file's
    own time where one is looked at as fast as it goes."""
