"""A start waits for nothing that it does not use."""

import subprocess
import sys

UNUSED = (
    "edgedet.runtime.web.server",
    "edgedet.runtime.outputs.mqtt",
    "edgedet.runtime.outputs.recording",
    "edgedet.runtime.outputs.webhook",
    "edgedet.runtime.tiled_detector",
    "edgedet.runtime.tracking.tracker",
    "http.server",
)
SHOW = (
    "import sys; sys.path[:0] = sys.argv[1:]; import edgedet.runtime.camera.run; "
    "sys.stdout.write(' '.join(sys.modules))"
)


def test_outputs_tracks_and_tiles_are_imported_when_they_are_asked_for():
    out = subprocess.check_output([sys.executable, "-c", SHOW] + sys.path)
    loaded = set(out.decode().split())
    assert "edgedet.runtime.camera.run" in loaded
    assert loaded.isdisjoint(UNUSED)
