"""GStreamer's words, as text and given to the real one."""

import shutil
import subprocess
import time

import numpy as np
import pytest
from watched import Watched, held, settles_to

from edgedet.runtime import DeviceError, UsageError
from edgedet.runtime.camera import gstreamer_capture, gstreamer_pipe
from edgedet.runtime.camera.gstreamer_pipe import has_element
from edgedet.runtime.camera.gstreamer_pipelines import (
    complaint_of,
    csi_pipeline,
    fraction,
    launch_words,
    quoted,
    rtsp_pipeline,
    user_pipeline,
    with_appsink,
)
from edgedet.runtime.camera.health import LOST
from edgedet.runtime.camera.live_source import CaptureWish, SourceLostError
from edgedet.runtime.camera.opening import open_live
from edgedet.runtime.camera.y4m_frames import head_of

cv2 = pytest.importorskip("cv2")
PROGRAM = "gst-launch-1.0"
real = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="no " + PROGRAM)
WISH = CaptureWish()
TEST_SOURCE = "gst:videotestsrc is-live=true pattern={} ! video/x-raw,width={},height={}"
RED = 4


@pytest.mark.parametrize("form", ["BGRx", "I420"])
def test_csi_as_text(form):
    text = csi_pipeline(1, (720, 1280), 29.97, form)
    assert text == (
        "nvarguscamerasrc sensor-id=1 ! "
        "video/x-raw(memory:NVMM),width=1280,height=720,framerate=30000/1001,format=NV12 ! "
        "nvvidconv ! video/x-raw,format=" + form
    )
    assert with_appsink(text) == (
        text + " ! videoconvert ! video/x-raw,format=BGR"
        " ! appsink drop=true max-buffers=1 sync=false"
    )


def test_rtsp_as_text():
    on_jetson = rtsp_pipeline("rtsp://h/x", 5.0, on_jetson=True)
    assert " ! decodebin ! nvvidconv ! video/x-raw,format=I420 ! videoconvert" in on_jetson
    assert rtsp_pipeline("rtsp://u:p@h/x?a=1&b=2", 5.0) == (
        'rtspsrc location="rtsp://u:p@h/x?a=1&b=2" protocols=tcp latency=100 tcp-timeout=5000000'
        " ! decodebin ! videoconvert ! video/x-raw,format=BGRx"
    )


def test_the_command_for_the_pipe_as_text():
    words = launch_words(user_pipeline("a b='c d' !"), 7)
    assert words[:4] == [PROGRAM, "a", "b=c d", "!"]
    assert " ".join(words[4:]) == (
        "videoconvert ! video/x-raw,format=BGRx ! "
        "videoconvert ! video/x-raw,format=I420,colorimetry=bt601 ! "
        "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! "
        "y4menc ! multipartmux ! fdsink sync=false fd=7"
    )


def test_quotes_that_do_not_close():
    with pytest.raises(UsageError, match="No closing quotation"):
        launch_words("a b='c", 7)
    with pytest.raises(UsageError) as error:
        launch_words("rtspsrc location=rtsp://a:geheim@h/x user-pw='geheim x", 7)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize(
    ("fps", "text"),
    [(30.0, "30/1"), (29.97, "30000/1001"), (23.976, "24000/1001"), (7.5, "7500/1000")],
)
def test_rates(fps, text):
    assert fraction(fps) == text
    above, below = text.split("/")
    assert int(above) / int(below) == pytest.approx(fps, rel=1e-4)


def test_what_it_complains_of():
    lines = [
        "Setting pipeline to PAUSED ...",
        "ERROR: from element /GstPipeline:pipeline0/GstFileSrc:filesrc0: Resource not found.",
        "Additional debug info:",
        "../plugins/elements/gstfilesrc.c(532): gst_file_src_start (): /GstPipeline:pipeline0",
        'No such file "a"',
        "ERROR: pipeline doesn't want to preroll.",
    ]
    assert complaint_of(lines) == 'Resource not found. No such file "a"'
    assert complaint_of(lines[-1:]) == "pipeline doesn't want to preroll."
    assert complaint_of(lines[:1]) == ""


@real
def test_it_knows_which_elements_there_are():
    assert has_element("videoconvert")
    assert not has_element("videoconverter")


def test_without_gstreamer_there_are_no_elements(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert not has_element("videoconvert")


@real
@pytest.mark.parametrize("width", [320, 321, 322, 323])
def test_frames_of_every_width(width):
    """GStreamer fills rows up to a multiple of four bytes."""
    with open_live(TEST_SOURCE.format(RED, width, 201), WISH) as source:
        image = source.read()
        assert image.shape == (201, width, 3)
        assert image.flags.c_contiguous
        assert np.abs(image.astype(int) - (0, 0, 255)).max() <= 2
        assert source.granted.size_hw == (201, width)
        assert source.granted.fps == 30.0


@real
def test_many_frames_leave_nothing_behind():
    before = held()
    with Watched(TEST_SOURCE.format(0, 160, 120)) as camera:
        camera.frames(10)
        assert camera.health.read().granted == "160x120 GStreamer at 30 fps"
    assert settles_to(before)
    assert camera.capture.error is None


@real
@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ("nosuchelement", 'no element "nosuchelement"'),
        ("videotestsrc ! ! identity", "syntax error"),
        ("videotestsrc nothing=3", 'no property "nothing"'),
        ("videotestsrc ! audioconvert", "could not link"),
    ],
)
def test_a_malformed_pipeline_ends_it(pipeline, said):
    with Watched("gst:" + pipeline) as camera:
        error = camera.over()
    assert isinstance(error, DeviceError)
    assert not isinstance(error, SourceLostError)
    assert said in str(error)
    assert "\n" not in str(error)


@real
def test_a_source_that_fails_later_is_opened_again():
    uri = "gst:filesrc location=/nothing/here ! decodebin"
    with Watched(uri) as camera:
        camera.wait_for(LOST)
        assert "No such file" in camera.health.read().trouble


@real
def test_the_process_dies_and_another_one_takes_over():
    uri = TEST_SOURCE.format(0, 160, 120)
    with Watched(uri) as camera:
        camera.frames(3)
        before = held()
        camera.capture._reader._source._process.kill()
        camera.wait_for(LOST)
        camera.frames(30)
        assert camera.health.read().gaps == 1
        assert settles_to(before)


@real
def test_a_process_that_is_silent_is_lost_and_ended(monkeypatch):
    source = open_live(TEST_SOURCE.format(0, 160, 120), CaptureWish(silence_s=0.5))
    source.read()
    process = source._process
    process.send_signal(19)  # SIGSTOP: what is in the pipe still comes
    with pytest.raises(SourceLostError, match="found none"):
        read_all(source)
    monkeypatch.setattr(gstreamer_pipe, "STOPPING_S", 0.1)
    source.close()
    assert process.poll() is not None


@real
@pytest.mark.parametrize("other", [(322, 241), (64, 48)])
def test_a_size_that_changes_tears_no_frame(tmp_path, other):
    """JPEGs of two sizes, one after the other through one pipeline: it is opened again."""
    sizes = [(160, 120), (160, 120), other, other]
    for number, size in enumerate(sizes):
        image = np.full((size[1], size[0], 3), (40, 120, 200), np.uint8)
        cv2.imwrite(str(tmp_path / "{}.jpg".format(number)), image)
    uri = "gst:multifilesrc location={}/%d.jpg caps=image/jpeg,framerate=4/1 ! jpegdec".format(
        tmp_path
    )
    images = []
    source = open_live(uri + " ! identity sync=true", WISH)
    with source, pytest.raises(SourceLostError, match="another size"):
        read_all(source, images)
    assert [image.shape for image in images] == [(120, 160, 3)] * 2
    assert max(np.abs(image.astype(int) - (40, 120, 200)).max() for image in images) <= 8


def test_frames_that_are_none_are_not_guessed():
    """What another y4menc might write: nothing of it becomes a frame."""
    for wrong in (b"hello\n", b"FRAME\n", b"YUV4MPEG2 C444 W2 H2 F1:1\n", b"YUV4MPEG2 W2\n"):
        assert head_of(wrong) is None
    head = head_of(b"YUV4MPEG2 W321 H201 Ip F15:2 A1:1\n")
    assert (head.size_hw, head.fps, head.frame_bytes) == ((201, 321), 7.5, 98576)


def read_all(source, images=None):
    while True:
        image = source.read()
        if images is not None:
            images.append(image)


@real
def test_the_address_comes_to_gstreamer_as_it_is():
    """With everything that the shell, or GStreamer, takes for its own."""
    address = "rtsp://us!er:p%20a&b=c;d@h/x?y=(z)#'$"
    words = launch_words("filesrc location=" + quoted(address), 1)
    ran = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert 'No such file "{}"'.format(address) in ran.stdout.decode()


@pytest.mark.parametrize("built_in", [True, False])
def test_csi_goes_through_opencv_where_it_can(monkeypatch, built_in):
    opened = []
    monkeypatch.setattr(gstreamer_capture, "has_backend", lambda cv2, name: built_in)

    class Capture:
        def __init__(self, *words):
            opened.append(words)

        def isOpened(self):  # noqa: N802 - OpenCV's name
            return True

        def get(self, name):
            return {cv2.CAP_PROP_FRAME_WIDTH: 640.0, cv2.CAP_PROP_FRAME_HEIGHT: 480.0}.get(
                name, 0.0
            )

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    monkeypatch.setattr(
        gstreamer_capture, "GstreamerPipe", lambda source, pipeline, *words: Piped(pipeline)
    )
    source = open_live("csi://0?size=640x480&fps=15", WISH)
    assert source.asked == "640x480 CSI at 15 fps"
    if built_in:
        pipeline = csi_pipeline(0, (480, 640), 15.0, "BGRx")
        assert opened == [(with_appsink(pipeline), cv2.CAP_GSTREAMER)]
    else:
        assert (opened, source.pipeline) == ([], csi_pipeline(0, (480, 640), 15.0, "I420"))


class Piped:
    def __init__(self, pipeline):
        self.pipeline = pipeline


@real
def test_csi_without_its_element_is_one_line():
    if not subprocess.run(["gst-inspect-1.0", "--exists", "nvarguscamerasrc"]).returncode:
        pytest.skip("this is a Jetson")
    with Watched("csi://0") as camera:
        error = camera.over()
    assert isinstance(error, DeviceError)
    assert 'no element "nvarguscamerasrc"' in str(error)
    assert "Jetson" in str(error)
    assert "\n" not in str(error)


def test_no_gstreamer_at_all(monkeypatch):
    monkeypatch.setattr(gstreamer_pipe.shutil, "which", lambda name: None)
    with pytest.raises(DeviceError, match="apt-get install gstreamer1.0-tools"):
        open_live("gst:videotestsrc", WISH)


@real
def test_frames_are_as_fast_as_the_source():
    """Sixty frames a second come in about a second, not later one by one."""
    with open_live(TEST_SOURCE.format(0, 640, 480) + ",framerate=60/1", WISH) as source:
        source.read()
        begin_s = time.monotonic()
        for _ in range(60):
            source.read()
        assert time.monotonic() - begin_s < 20
