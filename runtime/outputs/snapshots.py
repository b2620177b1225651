"""Pictures of events, in a folder with a budget."""

import logging
from typing import TYPE_CHECKING, Callable, Optional

from ..atomic import atomic_path
from ..camera.seen import Seen
from ..errors import EdgedetError
from ..opencv import opencv
from .kept_folder import KeptFolder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUALITY = 90
PICTURES = (".jpg",)

_LOG = logging.getLogger("edgedet.events")


class Snapshots:
    """Writes JPEG files; one that cannot be written is told, and the event goes without."""

    def __init__(self, folder: KeptFolder, paint: "Callable[[Seen], NDArray[np.uint8]]") -> None:
        """paint: gives the picture of a frame."""
        self._folder, self._paint = folder, paint

    def take(self, seen: Seen) -> Optional[str]:
        """Write the picture of the frame; return its name in the folder, or None."""
        cv2 = opencv()
        settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        try:
            self._folder.make()  # somebody may have removed it meanwhile
            if not self._folder.make_room([]):
                _LOG.error("no snapshot: no room left in %s", self._folder.path)
                return None
            path = self._folder.new_path(seen.frame.camera, PICTURES[0])
            _, encoded = cv2.imencode(".jpg", self._paint(seen), settings)
            with atomic_path(path) as temporary:
                temporary.write_bytes(encoded.tobytes())
        except (EdgedetError, OSError) as error:
            _LOG.error("no snapshot: %s", error)
            return None
        return path.name
