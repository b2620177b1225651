"""What stands at which address of the page."""

import json
import pkgutil
import secrets
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from ..outputs.metrics import metrics_text
from .access import HTML
from .exchange import TEXT, Answer, Request, json_answer, text_answer
from .options import WebOptions
from .pictures import Pictures
from .state import SCHEMA_VERSION, camera_state
from .stream import KIND, Stream, Viewers

if TYPE_CHECKING:
    from ..camera.scene import Scene

FILES = {
    "/": ("page.html", HTML),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" '
    b'rx="7" fill="#0d7a5f"/><path d="M7 13V7h6m6 0h6v6m0 6v6h-6m-6 0H7v-6" fill="none" '
    b'stroke="#fff" stroke-width="3"/><circle cx="16" cy="16" r="3.5" fill="#fff"/></svg>'
)
FIRST_PICTURE_S = 2.0
"""How long a client waits for a camera that has shown nothing yet."""
METRICS = "text/plain; version=0.0.4; charset=utf-8"
JPEG = "image/jpeg"


class Site:
    """All addresses."""

    def __init__(
        self,
        options: WebOptions,
        scene: "Scene",
    ) -> None:
        """As `WebServer`."""
        self.pictures = Pictures(list(scene.cameras), scene.paint, options)
        self._options = options
        self._scene = scene
        self._viewers = Viewers(options.most_streams)
        self._run = secrets.token_hex(4)
        self._gets: Dict[str, Callable[[Request], Answer]] = {
            "/icon.svg": lambda request: Answer(200, "image/svg+xml", ICON),
            "/api/state": self._state,
            "/metrics": self._metrics,
            "/healthz": self._health,
        }
        self._posts: Dict[str, Callable[[Any], None]] = {
            "/api/confidence": self._set_confidence,
            "/api/recording": self._set_recording,
        }

    def answer(self, request: Request) -> Answer:
        """Return what stands there, or why not."""
        if request.path in self._posts:
            if request.method != "POST":
                return _not_allowed("POST")
            return self._change(request)
        if request.method not in ("GET", "HEAD"):
            return _not_allowed("GET, HEAD")
        if request.path in FILES:
            return _file(*FILES[request.path])
        if request.path in self._gets:
            return self._gets[request.path](request)
        return self._of_camera(request)

    def _of_camera(self, request: Request) -> Answer:
        folders = {"/stream/": (".mjpg", self._stream), "/snapshot/": (".jpg", self._snapshot)}
        for folder, (ending, answer) in folders.items():
            camera = request.path[len(folder) : -len(ending)]
            if request.path == folder + camera + ending and camera in self._scene.cameras:
                return answer(camera, request)
        return text_answer(404, "There is nothing at this address.")

    def _stream(self, camera: str, request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer(200, KIND)
        if self.pictures.after(camera, 0, FIRST_PICTURE_S) is None:
            return _later("No picture of this camera yet.")
        viewer = request.query.get("viewer", "")
        stream = Stream(self.pictures, camera, self._viewers, for_page=bool(viewer))
        if not self._viewers.enter(stream, viewer, camera):
            text = "All {} live pictures are taken; close one or come back later."
            return _later(text.format(self._options.most_streams))
        return Answer(200, KIND, parts=stream)

    def _snapshot(self, camera: str, request: Request) -> Answer:
        """Return the newest picture: as the stream has it with `?live`, else in its full size."""
        if "live" in request.query:
            picture = self.pictures.after(camera, 0, FIRST_PICTURE_S)
            jpeg = None if picture is None else picture.jpeg
        else:
            jpeg = self.pictures.snapshot(camera)
        seen = self.pictures.newest(camera)
        if jpeg is None or seen is None:
            return _later("No picture of this camera yet.")
        when = time.strftime("%Y%m%d-%H%M%S", time.localtime(seen.frame.epoch_s))
        name = 'inline; filename="{}-{}.jpg"'.format(_plain(camera), when)
        return Answer(200, JPEG, jpeg, (("Content-Disposition", name),))

    def _state(self, request: Request) -> Answer:
        watched = self._viewers.watched_by(request.query.get("viewer", ""))
        cameras = []
        for name, health in self._scene.cameras.items():
            values = camera_state(
                health.read(), self.pictures.newest(name), self._scene.class_names
            )
            cameras.append(dict(values, watching=name in watched))
        return json_answer(dict(self._settings(), cameras=cameras))

    def _settings(self) -> Dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "run": self._run,
            "confidence": self._scene.controls.confidence,
            "recording": self._scene.controls.recording,
            "can_record": self._options.can_record,
            "streams": {"now": len(self._viewers), "most": self._options.most_streams},
        }

    def _metrics(self, request: Request) -> Answer:
        text = metrics_text([health.read() for health in self._scene.cameras.values()])
        return Answer(200, METRICS, text.encode("utf-8"))

    def _health(self, request: Request) -> Answer:
        """Say that the process answers, and no more: who probes has no token."""
        return text_answer(200, "ok")

    def _change(self, request: Request) -> Answer:
        try:
            self._posts[request.path](_only_value(request))
        except ValueError as error:
            return text_answer(400, str(error))
        return json_answer(self._settings())

    def _set_confidence(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError('Send {"confidence": NUMBER} with a number in 0..1.')
        self._scene.controls.confidence = float(value)

    def _set_recording(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise ValueError('Send {"recording": true} or {"recording": false}.')
        if not self._options.can_record:
            raise ValueError("Nothing records here; start edgedet camera with a recording.")
        self._scene.controls.recording = value


def _only_value(request: Request) -> Any:
    """Return the value of {"NAME": value}, where /api/NAME was asked; None for anything else."""
    name = request.path.rpartition("/")[2]
    try:
        values = json.loads(request.body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return values.get(name) if isinstance(values, dict) else None


def _file(name: str, kind: str) -> Answer:
    """Return a file of the package, which may lie in a zip."""
    content: Optional[bytes] = pkgutil.get_data(__name__, name)
    assert content is not None
    return Answer(200, kind, content)


def _not_allowed(allowed: str) -> Answer:
    headers: Tuple[Tuple[str, str], ...] = (("Allow", allowed),)
    return Answer(405, TEXT, "Use {} here.\n".format(allowed).encode(), headers)


def _later(line: str) -> Answer:
    return Answer(503, TEXT, (line + "\n").encode(), (("Retry-After", "2"),))


def _plain(name: str) -> str:
    """Return a name for a file: letters, digits, dashes."""
    return "".join(sign if sign.isalnum() and ord(sign) < 128 else "-" for sign in name)
