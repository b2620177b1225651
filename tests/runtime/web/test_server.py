"""What the page serves, by real sockets."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the page draws with OpenCV")

from web_scene import pictures_of, scene, seen, zone  # noqa: E402

from edgedet.runtime.errors import UsageError  # noqa: E402
from edgedet.runtime.web import site, stream  # noqa: E402


def decoded(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_the_picture_moves():
    with scene() as s:
        s.keep_showing()
        connection = s.connect()
        connection.request("GET", "/stream/camera.mjpg")
        answer = connection.getresponse()
        shown = [decoded(jpeg) for jpeg in pictures_of(answer, 4)]
        connection.close()
    assert [image.shape for image in shown] == [(120, 160, 3)] * 4
    assert len({int(image[110, 150].mean()) for image in shown}) > 1


def test_the_state_counts_objects_and_zones():
    with scene() as s:
        s.show(7, zones=[zone("door", (1, 0, 2), (5, 0, 0), (1, 0, 0)), zone("line", ())])
        state = s.state()
    (camera,) = state["cameras"]
    assert (state["confidence"], state["recording"], state["can_record"]) == (0.25, False, False)
    assert (camera["name"], camera["state"]) == ("camera", "live")
    assert camera["frame"] == {"number": 7, "width": 160, "height": 120}
    assert [(c["class"], c["count"]) for c in camera["classes"]] == [("bottle", 2), ("person", 1)]
    door, line = camera["zones"]
    assert (door["inside"], door["passed"]) == ({"bottle": 1, "person": 2}, {"bottle": 5})
    assert (door["passed_back"], door["line"], line["line"]) == ({"bottle": 1}, False, True)
    assert (camera["age_ms"], camera["inference_ms"]) == (25.0, 12.0)


def test_live_pictures_are_small_and_snapshots_whole():
    with scene(most_side_px=640) as s:
        s.show(size_hw=(1080, 1920))
        status, headers, live = s.ask("/snapshot/camera.jpg?live")
        assert decoded(live).shape == (360, 640, 3)
        status, headers, whole = s.ask("/snapshot/camera.jpg")
        assert decoded(whole).shape == (1080, 1920, 3)
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert headers["Content-Disposition"].startswith('inline; filename="camera-20')


def test_boxes_of_scaled_pictures_lie_where_the_objects_are():
    with scene(most_side_px=320, quality=100) as s:
        one = seen(size_hw=(480, 640), labels=[0])
        left, top, right, bottom = one.detections.boxes_xyxy[0] / 2
        s.server.put(one)
        picture = decoded(s.ask("/snapshot/camera.jpg?live")[2]).astype(int)
    away = np.abs(picture - picture[230, 310]).sum(axis=2) > 60
    rows, columns = np.nonzero(away)
    assert abs(rows.max() - bottom) <= 2
    assert abs(columns.min() - left) <= 2
    assert away[int(bottom), int(left) : int(right)].mean() > 0.9


def test_before_the_first_frame(monkeypatch):
    monkeypatch.setattr(site, "FIRST_PICTURE_S", 0.1)
    with scene() as s:
        for path in ("/stream/camera.mjpg", "/snapshot/camera.jpg", "/snapshot/camera.jpg?live"):
            status, headers, body = s.ask(path)
            assert (status, headers["Retry-After"]) == (503, "2")
            assert body == b"No picture of this camera yet.\n"
        (camera,) = s.state()["cameras"]
        assert (camera["state"], camera["frame"], camera["age_ms"]) == ("opening", None, None)
        assert s.ask("/")[0] == 200
        assert s.ask("/metrics")[0] == 200


def test_a_stream_of_a_silent_camera_stays(monkeypatch):
    monkeypatch.setattr(stream, "AGAIN_S", 0.1)
    with scene() as s:
        s.show()
        connection = s.connect()
        connection.request("GET", "/stream/camera.mjpg")
        first, again = list(pictures_of(connection.getresponse(), 2))
        assert first == again
        connection.close()


def test_a_page_gets_the_headers_of_the_next_picture_with_each():
    """Chromium shows a picture when it has them."""
    with scene() as s:
        s.show()
        live = s.ask("/snapshot/camera.jpg?live")[2]
        connection = s.connect()
        connection.request("GET", "/stream/camera.mjpg?viewer=page")
        head = b"--edgedet-picture\r\nContent-Type: image/jpeg\r\n\r\n"
        expected = head + live + b"\r\n" + head
        assert connection.getresponse().read(len(expected)) == expected
        connection.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/api/state", "application/json"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/nothing", "text/plain; charset=utf-8"),
    ],
)
def test_headers(path, kind):
    with scene() as s:
        _, headers, body = s.ask(path)
        head_status, head_headers, nothing = s.ask(path, "HEAD")
    assert headers["Content-Type"] == kind
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["Server"] == "edgedet"
    expected = {
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Content-Length": str(len(body)),
    }
    assert {name: headers[name] for name in expected} == expected
    assert (nothing, head_headers["Content-Length"]) == (b"", headers["Content-Length"])


def test_a_stream_answers_head_without_pictures():
    with scene() as s:
        status, headers, body = s.ask("/stream/camera.mjpg", "HEAD")
    assert (status, body) == (200, b"")
    assert headers["Content-Type"].startswith("multipart/x-mixed-replace")


def test_the_page_is_small_and_whole_in_itself():
    folder = Path(site.__file__).parent
    texts = [(folder / name).read_text(encoding="utf-8") for name, _ in site.FILES.values()]
    assert sum(len(text.encode()) for text in texts) < 25000
    linked = re.findall(r"""(?:src|href)="([^"]*)\"""", texts[0])
    assert set(linked) == {"/icon.svg", "/page.css", "/page.js"}
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(", "".join(texts))
    # What the policy forbids would be silently left out by browsers.
    assert not re.search(r"""<style|\sstyle="|\son[a-z]+=\"""", texts[0])


def test_the_page_comes_out_of_a_zip(tmp_path):
    runtime = Path(site.__file__).parent.parent
    with zipfile.ZipFile(str(tmp_path / "model.pyz"), "w") as archive:
        archive.write(str(runtime.parent / "__init__.py"), "edgedet/__init__.py")
        for file in sorted(runtime.rglob("*")):
            if file.suffix in (".py", ".json", ".html", ".css", ".js"):
                archive.write(str(file), "edgedet/runtime/{}".format(file.relative_to(runtime)))
    code = (
        "import sys; sys.path.insert(0, {!r})\n"
        "from edgedet.runtime.web import site\n"
        "assert '.pyz' in site.__file__, site.__file__\n"
        "for file in site.FILES.values(): assert len(site._file(*file).body) > 1000\n"
    ).format(str(tmp_path / "model.pyz"))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=str(tmp_path))


def test_what_is_changed_acts_and_is_told():
    with scene(can_record=True) as s:
        status, _, body = s.post("/api/confidence", {"confidence": 0.65})
        assert (status, json.loads(body.decode())["confidence"]) == (200, 0.65)
        assert s.controls.confidence == s.state()["confidence"] == 0.65
        status, _, body = s.post("/api/recording", {"recording": True})
        assert (status, json.loads(body.decode())["recording"]) == (200, True)
        assert s.controls.recording
        assert s.post("/api/recording", {"recording": 1})[0] == 400
        assert s.post("/api/recording", {"recording": False})[0] == 200
        assert not s.controls.recording


def test_a_restart_shows_in_the_state():
    with scene() as first, scene() as second:
        runs = [first.state()["run"], first.state()["run"], second.state()["run"]]
    assert runs[0] == runs[1] != runs[2]


def test_names_of_cameras_are_any_text():
    name = 'front "door" <ä>/1'
    with scene(cameras=[name]) as s:
        s.show(camera=name)
        assert s.ask("/snapshot/{}.jpg".format(quote(name, safe="")))[0] == 200
        assert s.state()["cameras"][0]["name"] == name
        assert s.ask("/metrics")[0] == 200


def test_a_taken_port_is_an_error_of_one_line():
    with scene() as s, pytest.raises(UsageError, match=r"127\.0\.0\.1:\d+ \(.*in use\)"):
        scene(port=s.port).__enter__()


@pytest.mark.parametrize("host", ["192.0.2.77", "a..b", "a" * 64])
def test_an_address_of_another_machine_or_none(host):
    with pytest.raises(UsageError, match="an address to listen on"):
        scene(host=host, token="a-token-for-this-test").__enter__()


def test_ipv6():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        socket.socket(socket.AF_INET6).bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with scene(host="::1") as s:
        assert s.server.link == "http://[::1]:{}/".format(s.port)
        connection = http.client.HTTPConnection("::1", s.port, timeout=10)
        connection.request("GET", "/api/state")
        assert connection.getresponse().status == 200
        connection.close()
