"""An RTSP server for tests: its frames show the time at which they were made.

Run by the Python that has GStreamer's bindings:
rtsp_server.py PORT WIDTH HEIGHT FPS h264|jpeg [PASSWORD]. The user of the password is `user`.
Each frame is a grid of black and white blocks, see `clock_blocks.py`.
"""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

COLUMNS, ROWS = 6, 4
ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay",
    "jpeg": "jpegenc ! rtpjpegpay",
}


def pixels(width, height):
    """Grey pixels whose blocks are the bits of the milliseconds of the monotonic clock."""
    ms = int(time.monotonic() * 1000)
    rows = []
    for row in range(ROWS):
        bits = [(ms >> (row * COLUMNS + column)) & 1 for column in range(COLUMNS)]
        cells = b"".join((b"\xeb" if bit else b"\x10") * (width // COLUMNS) for bit in bits)
        rows.append(cells.ljust(width, b"\x10") * (height // ROWS))
    return b"".join(rows).ljust(width * height, b"\x10")


class Factory(GstRtspServer.RTSPMediaFactory):
    def __init__(self, size, fps, encoder):
        super().__init__()
        self.size, self.period_ms = size, 1000 // fps
        self.set_shared(True)
        caps = "video/x-raw,format=GRAY8,width={},height={},framerate={}/1".format(*size, fps)
        self.set_launch(
            "( appsrc name=clock is-live=true do-timestamp=true format=time caps={} "
            "! videoconvert ! video/x-raw,format=I420 ! {} name=pay0 )".format(caps, encoder)
        )

    def feed(self, media):
        source = media.get_element().get_by_name("clock")
        push = GLib.timeout_add(self.period_ms, self.push, source)
        media.connect("unprepared", lambda _: GLib.source_remove(push))

    def push(self, source):
        source.emit("push-buffer", Gst.Buffer.new_wrapped(pixels(*self.size)))
        return True


def protect(server, factory, password):
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic("user", password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("user", "media.factory.access", True)
    permissions.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main(port, width, height, fps, encoder, password=""):
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_service(port)
    factory = Factory((int(width), int(height)), int(fps), ENCODERS[encoder])
    factory.connect("media-configure", lambda own, media: own.feed(media))
    if password:
        protect(server, factory, password)
    server.get_mount_points().add_factory("/clock", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
