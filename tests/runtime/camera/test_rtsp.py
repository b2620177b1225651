"""A real RTSP server: gone, back, frozen, of another size, and cut off."""

import logging
import os
import shutil
import subprocess
import time

import pytest
from clock_blocks import age_ms
from rtsp_process import RtspProcess, require_rtsp
from watched import Watched, held, rss_kb, settles_to

from edgedet.runtime import DeviceError
from edgedet.runtime.camera.health import LIVE, LOST
from edgedet.runtime.camera.live_source import CaptureWish, SourceLostError
from edgedet.runtime.camera.opening import open_live

pytest.importorskip("cv2")
RESUMES_S = 3.0
"""After the stream's return, from the issue."""


@pytest.fixture(autouse=True)
def _rtsp():
    require_rtsp()


@pytest.mark.parametrize("encoder", ["h264", "jpeg"])
def test_frames_are_fresh_and_in_order(encoder):
    with RtspProcess(encoder=encoder) as server, Watched(server.uri) as camera:
        camera.frames(30)  # what was on its way before
        frames = camera.frames(20)
        assert {frame.image_bgr.shape for frame in frames} == {(240, 320, 3)}
        made_s = [round(f.captured_s - age_ms(f.image_bgr, f.captured_s) / 1000, 2) for f in frames]
        assert made_s == sorted(made_s)
        assert len(set(made_s)) == len(made_s)
        # Two cores carry the encoder and the decoder: none of it may add up.
        assert min(age_ms(f.image_bgr, f.captured_s) for f in frames) < 1000
        assert camera.health.read().granted.startswith("320x240 RTSP")  # old ones tell no rate


def test_it_resumes_by_itself_after_restarts_with_another_size(caplog):
    caplog.set_level(logging.INFO, "edgedet")
    sizes = [(320, 240), (640, 480), (320, 240)]
    with RtspProcess(sizes[0]) as server:
        port = server.port
        camera = Watched(server.uri)
        with camera:
            camera.frames(5)
            before = held()
            for size in sizes[1:]:
                server.kill()
                camera.wait_for(LOST)
                with RtspProcess(size, port=port) as again:
                    frame = camera.first_made_after(time.monotonic())
                    assert frame.image_bgr.shape == (size[1], size[0], 3)
                    assert settles_to(before)
                    again.kill()
                    camera.wait_for(LOST)
            vitals = camera.health.read()
    assert camera.capture.error is None
    assert (vitals.gaps, vitals.state) == (3, LOST)
    assert camera.numbers == sorted(set(camera.numbers))
    assert any("frames again, after a gap of" in line for line in caplog.messages)
    assert any(line.startswith("camera: 640x480 RTSP") for line in caplog.messages)


@pytest.mark.slow
def test_a_server_that_freezes_is_left_and_found_again():
    wish = CaptureWish(silence_s=1.0)
    with RtspProcess() as server, Watched(server.uri, wish) as camera:
        camera.frames(5)
        before = held()
        server.freeze()
        camera.wait_for(LOST)
        time.sleep(2)
        server.thaw()
        returned_s = time.monotonic()
        camera.first_made_after(returned_s)
        camera.wait_for(LIVE)
        assert camera.capture.abandoned <= 2
        assert settles_to(before)  # readers that were left clean up
        assert camera.capture.error is None


def test_a_server_that_is_not_there_is_waited_for():
    with RtspProcess() as server:
        uri, port = server.uri, server.port
    with Watched(uri) as camera:
        camera.wait_for(LOST)
        assert "Connection refused" in camera.health.read().trouble
        with RtspProcess(port=port):
            assert camera.frame().image_bgr.shape == (240, 320, 3)


def test_a_path_that_is_not_there_may_come_but_names_no_password():
    with RtspProcess() as server:
        uri = "rtsp://user:geheim@127.0.0.1:{}/nothing".format(server.port)
        with pytest.raises(SourceLostError, match="answer 404") as caught:
            open_live(uri, CaptureWish())
    assert "geheim" not in str(caught.value)
    assert "user" not in str(caught.value)


def test_a_server_that_wants_a_password_ends_it():
    with RtspProcess(encoder="jpeg", password="geheim") as server:
        with Watched(server.uri) as camera:
            error = camera.over()
        assert isinstance(error, DeviceError)
        assert not isinstance(error, SourceLostError)
        assert "wants a password" in str(error)
        wrong = server.uri.replace("://", "://user:falsch@")
        with pytest.raises(SourceLostError, match="with this user and password") as caught:
            open_live(wrong, CaptureWish())
        assert "falsch" not in str(caught.value)
        right = server.uri.replace("://", "://user:geheim@")
        with Watched(right) as camera:
            assert camera.frame().image_bgr.shape == (240, 320, 3)


@pytest.mark.slow
def test_ten_restarts_each_within_three_seconds_and_nothing_grows():
    with RtspProcess() as server:
        port, uri = server.port, server.uri
        with Watched(uri) as camera:
            camera.frames(30)
            server.kill()
            took_s, grown = [], []
            for number in range(10):
                camera.wait_for(LOST)
                time.sleep(number % 4)
                size = (640, 480) if number == 5 else (320, 240)
                with RtspProcess(size, port=port):
                    returned_s = time.monotonic()
                    frame = camera.first_made_after(returned_s)
                    took_s.append(frame.captured_s - returned_s)
                    assert frame.image_bgr.shape[:2] == (size[1], size[0])
                    camera.frames(30)
                    grown.append(held() + (rss_kb(),))
    assert max(took_s) < RESUMES_S, took_s
    assert len({fixed[:2] for fixed in grown}) == 1, grown
    assert grown[-1][2] < 1.1 * grown[1][2], grown
    assert camera.capture.error is None


@pytest.fixture
def network():
    """A network of two: we, and a namespace; returns what cuts it and what mends it."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2, to make a network namespace")
    name, ours, theirs = ("edgedet{}{}".format(part, os.getpid() % 10000) for part in "nab")

    def run(*words):
        subprocess.run(words, check=True)

    made = subprocess.run(["ip", "netns", "add", name], stderr=subprocess.PIPE)
    if made.returncode:
        pytest.skip("no network namespaces here: " + made.stderr.decode().strip())
    try:
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs)
        run("ip", "link", "set", theirs, "netns", name)
        run("ip", "addr", "add", "10.213.77.1/30", "dev", ours)
        run("ip", "link", "set", ours, "up")
        inside = ("ip", "netns", "exec", name)
        run(*inside, "ip", "addr", "add", "10.213.77.2/30", "dev", theirs)
        run(*inside, "ip", "link", "set", theirs, "up")
        run(*inside, "ip", "link", "set", "lo", "up")
        yield inside, lambda how: run(*inside, "ip", "link", "set", theirs, how)
    finally:
        subprocess.run(["ip", "link", "del", ours], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "netns", "del", name])


@pytest.mark.slow
def test_a_network_that_is_cut_for_half_a_minute(network):
    inside, turn = network
    with RtspProcess(inside=inside) as server:
        uri = server.uri.replace("127.0.0.1", "10.213.77.2")
        with Watched(uri) as camera:
            camera.frames(30)
            before = held()
            turn("down")
            cut_s = time.monotonic()
            while time.monotonic() - cut_s < 30:
                camera.inbox.take(1, 0.5)
            assert camera.health.read().state == LOST
            turn("up")
            returned_s = time.monotonic()
            frame = camera.first_made_after(returned_s)
            assert frame.captured_s - returned_s < RESUMES_S
            camera.frames(30)
            assert settles_to(before)
            assert camera.health.read().gap_s > 29
            assert camera.capture.error is None
