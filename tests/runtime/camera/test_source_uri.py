"""What users write, and what is shown of it."""

import pytest

from edgedet.runtime import UsageError
from edgedet.runtime.camera.live_source import CaptureWish
from edgedet.runtime.camera.source_uri import (
    CSI,
    FILES,
    HTTP,
    PIPELINE,
    RTSP,
    SHAPES,
    STDIN,
    USB,
    host_and_port,
    parse_source,
    redacted,
)

WISH = CaptureWish()


@pytest.mark.parametrize(
    ("uri", "kind", "target"),
    [
        ("0", USB, "/dev/video0"),
        ("/dev/video11", USB, "/dev/video11"),
        ("v4l2:///dev/video0", USB, "/dev/video0"),
        ("v4l2:///dev/v4l/by-id/usb-a", USB, "/dev/v4l/by-id/usb-a"),
        ("csi://1", CSI, "1"),
        ("csi://", CSI, "0"),
        ("RTSP://h/x", RTSP, "RTSP://h/x"),
        ("rtsps://h/x?transport=udp&a=b", RTSP, "rtsps://h/x?transport=udp&a=b"),
        ("http://h:81/mjpeg", HTTP, "http://h:81/mjpeg"),
        ("video.mp4", FILES, "video.mp4"),
        ("file:///a/b.mp4", FILES, "/a/b.mp4"),
        ("images/*.png", FILES, "images/*.png"),
        ("shapes://", SHAPES, "shapes://"),
        ("gst: videotestsrc ", PIPELINE, "videotestsrc"),
        ("-", STDIN, "-"),
    ],
)
def test_kinds(uri, kind, target):
    source = parse_source(uri, WISH)
    assert (source.kind, source.target, source.wish) == (kind, target, WISH)


def test_a_file_may_be_called_as_a_camera(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0").write_bytes(b"")
    assert parse_source("0", WISH).kind == FILES


def test_the_uri_of_a_file_may_write_letters_as_numbers(tmp_path):
    (tmp_path / "a b.mp4").write_bytes(b"")
    (tmp_path / "a%20c.mp4").write_bytes(b"")
    for uri, name in (("a%20b.mp4", "a b.mp4"), ("a%20c.mp4", "a%20c.mp4")):
        assert parse_source("file://{}/{}".format(tmp_path, uri), WISH).target == str(
            tmp_path / name
        )


@pytest.mark.parametrize(
    "uri",
    [
        "v4l2:///dev/video0?size=1280x720&fps=15",
        "csi://0?fps=15&size=1280x720",
        "shapes://1280x720@15",
    ],
)
def test_the_uri_goes_before_the_other_wishes(uri):
    wish = parse_source(uri, CaptureWish(size_hw=(1, 1), fps=1, loop=True)).wish
    assert wish == CaptureWish(size_hw=(720, 1280), fps=15.0, loop=True)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "expected a source, found none"),
        ("rstp://h/x", "did you mean 'rtsp'"),
        ("rtsp:///x", "no host"),
        ("rtsp://h:port/x", "rtsp://h:port/x"),
        ("rtsp://a..b/x", "rtsp://a..b/x"),
        ("http://{}/x".format(64 * "a"), "the address of a stream"),
        ("v4l2://dev/video0", "three slashes"),
        ("csi://front", "the number of a camera"),
        ("csi://0?fsp=3", "did you mean 'fps'"),
        ("csi://0?fps=0", "frames a second"),
        ("csi://0?fps=nan", "frames a second"),
        ("csi://0?size=big", "a size as 1280x720"),
        ("csi://0?size=0x5", "a size as 1280x720"),
        ("shapes://640", "moving shapes"),
        ("shapes://640x480@fast", "frames a second"),
    ],
)
def test_what_is_none_is_told(uri, message):
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        parse_source(uri, WISH)


SECRETS = [
    "rtsp://admin:geheim@10.0.0.2:554/stream1",
    "rtsp://admin:ge@heim@10.0.0.2/stream1",
    "rtsp://admin:ge/heim@10.0.0.2/stream1",
    "rtsp://admin:ge#he?im@10.0.0.2/stream1",
    "http://h/video?user=a&pwd=geheim&channel=1",
    "rtsp://h/user=a_password=geheim_channel=1",
    "http://h/v?access_token=geheim",
    "http://h/v?apikey=geheim",
    "http://h/v?sig=geheim",
    "gst:rtspsrc location=rtsp://h/x user-id=a user-pw=geheim ! decodebin",
    'gst:rtspsrc location="rtsp://a:geheim@h/x" ! decodebin',
    "gst:rtspsrc location=rtsp://h/x user-id=a user-pw=ge/heim ! decodebin",
    "gst:rtspsrc location=rtsp://h/x user-id=a user-pw='ge heim' ! decodebin",
    'gst:rtspsrc location=rtsp://h/x user-id=a user-pw="ge heim" ! decodebin',
    "admin:geheim@10.0.0.7/stream1",
    "rtsp:/admin:ge/heim@10.0.0.7/stream1",
]


@pytest.mark.parametrize("uri", SECRETS)
def test_secrets_are_not_shown(uri):
    shown = redacted("expected a stream at {}, found none".format(uri))
    assert "geheim" not in shown
    assert "heim" not in shown
    assert "admin" not in shown
    assert shown.startswith("expected a stream at ")
    assert shown.endswith(" found none")


@pytest.mark.parametrize(
    "uri",
    [
        *SECRETS,
        "nothing://a:geheim@h",
        "rtsp://a:geheim@h:port/",
        "csi://a:geheim@h",
        "v4l2://a:geheim@h",
        "shapes://a:geheim@h",
    ],
)
def test_secrets_are_not_in_errors_either(uri):
    try:
        source = parse_source(uri, WISH)
    except UsageError as error:
        shown = str(error)
    else:
        shown = source.shown
        assert "heim" in source.target
    assert "heim" not in shown


def test_what_is_no_secret_is_shown():
    text = "rtsp://10.0.0.2:554/stream1?channel=1&subtype=0"
    assert redacted(text) == text
    assert redacted("rtsp://a:b@10.0.0.2/c") == "rtsp://10.0.0.2/c"


def test_where_streams_are_served():
    assert host_and_port("rtsp://a:b@h/x") == ("h", 554)
    assert host_and_port("RTSPS://[::1]/x") == ("::1", 322)
    assert host_and_port("https://h:8443/x") == ("h", 8443)
