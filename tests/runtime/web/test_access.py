"""Who gets in: tokens, other sites, and what is said about both."""

import logging

import pytest

pytest.importorskip("cv2", reason="the page draws with OpenCV")

from web_scene import JSON, scene  # noqa: E402

from edgedet.runtime.errors import UsageError  # noqa: E402
from edgedet.runtime.web.access import Access  # noqa: E402

TOKEN = "a-token-for-this-test"
CONFIDENCE = '{"confidence": 0.5}'
GUARDED = ["/", "/page.js", "/api/state", "/metrics", "/stream/camera.mjpg", "/snapshot/camera.jpg"]


@pytest.fixture
def guarded():
    with scene(token=TOKEN) as s:
        s.show()
        yield s


@pytest.fixture
def local():
    with scene() as s:
        s.show()
        yield s


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_is_shown_without_the_token(guarded, path):
    assert guarded.ask(path)[0] == 401


def test_a_probe_needs_no_token(guarded):
    assert guarded.ask("/healthz")[::2] == (200, b"ok\n")


@pytest.mark.parametrize("path", GUARDED[:4])
def test_programs_show_the_token_in_a_header(guarded, path):
    assert guarded.ask(path, headers={"Authorization": "Bearer " + TOKEN})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer " + TOKEN[:-1]},
        {"Authorization": "Bearer " + TOKEN + "x"},
        {"Authorization": "Bearer \xe9"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic " + TOKEN},
        {"Cookie": "edgedet=" + TOKEN},
        {"Cookie": 'edgedet_1="\\'},
        {"Cookie": "edgedet_0=; =; ;"},
    ],
)
def test_wrong_tokens(guarded, headers):
    assert guarded.ask("/api/state", headers=headers)[0] == 401


@pytest.mark.parametrize("token", ["", "wrong", "%ff", "%00", TOKEN + "%20"])
def test_a_wrong_link(guarded, token):
    status, headers, _ = guarded.ask("/?token=" + token)
    assert (status, "Set-Cookie" in headers) == (401, False)


def test_the_link_becomes_a_cookie_and_leaves_the_url(guarded):
    status, headers, body = guarded.ask("/?token=" + TOKEN)
    assert (status, headers["Location"], body) == (303, "/", b"")
    cookie, *attributes = headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert TOKEN not in str(headers)
    entered = {"Cookie": "other=1; " + cookie}
    assert guarded.ask("/", headers=entered)[0] == 200
    assert guarded.post("/api/confidence", {"confidence": 0.5}, **entered)[0] == 200
    assert guarded.ask("/api/state", headers={"Cookie": cookie + "0"})[0] == 401


OTHERS = ['prefs={"a":1}', "x=a b", "junk", "=", "", "a@b=x,y z", "x=\xe9"]


@pytest.mark.parametrize("other", OTHERS)
def test_cookies_of_other_ports_keep_nobody_out(guarded, other):
    """A browser sends them along, whatever is in them."""
    cookie = guarded.ask("/?token=" + TOKEN)[1]["Set-Cookie"].partition(";")[0]
    for both in (other + "; " + cookie, cookie + "; " + other, cookie + ";" + other):
        assert guarded.ask("/api/state", headers={"Cookie": both})[0] == 200


def test_a_link_on_another_site_opens_too(guarded):
    # The browser keeps its strict cookie back after the redirect; the page asks again by itself.
    follows = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert guarded.ask("/?token=" + TOKEN, headers=follows)[0] == 303
    status, _, body = guarded.ask("/", headers=follows)
    assert (status, b'http-equiv="refresh"' in body) == (401, True)
    again = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    assert b"refresh" not in guarded.ask("/", headers=again)[2]


def test_no_secret_is_logged(guarded, caplog):
    caplog.set_level(logging.DEBUG, "edgedet.web")
    for path in ["/?token=" + TOKEN, "/api/state?token=" + TOKEN, "/?token=wrong&x=" + TOKEN]:
        guarded.ask(path, headers={"Authorization": "Bearer " + TOKEN})
    assert "'/api/state'" in caplog.text
    assert TOKEN not in caplog.text
    assert "wrong" not in caplog.text


def test_a_token_is_made_where_others_could_come():
    access = [Access(host, "") for host in ("0.0.0.0", "0.0.0.0", "::", "192.168.1.2", "nano")]
    tokens = [each.token for each in access]
    assert all(len(token) >= 20 for token in tokens)
    assert len(set(tokens)) == len(tokens)
    assert {Access(host, "").token for host in ("127.0.0.1", "127.8.0.1", "::1", "localhost")} == {
        ""
    }


def test_the_address_has_no_secret_and_the_link_has():
    with scene(host="0.0.0.0") as s:
        token = s.server.link.partition("?token=")[2]
        assert len(token) >= 20
        assert s.server.address + "?token=" + token == s.server.link
        assert s.ask("/api/state")[0] == 401
        assert s.ask("/api/state", headers={"Authorization": "Bearer " + token})[0] == 200
        # The machine is called by names that nobody here knows.
        known = {"Authorization": "Bearer " + token, "Host": "nano.example:8080"}
        assert s.ask("/api/state", headers=known)[0] == 200


@pytest.mark.parametrize(
    "token", ["short", "x" * 11, "with space in it", "caf\xe9-caf\xe9-caf\xe9"]
)
def test_weak_tokens_are_refused(token):
    with pytest.raises(UsageError) as told:
        Access("0.0.0.0", token)
    assert token not in str(told.value)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example"])
def test_a_name_that_was_bent_to_this_machine(local, host):
    assert local.ask("/api/state", headers={"Host": host})[0] == 403


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "LOCALHOST"])
def test_names_of_this_machine(local, host):
    assert local.ask("/api/state", headers={"Host": host})[0] == 200


@pytest.mark.parametrize("path", ["/stream/camera.mjpg", "/api/state", "/page.js"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_cannot_embed_it(local, path, site):
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert local.ask(path, headers=headers)[0] == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "text/plain", "X-Edgedet": "1"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded", "X-Edgedet": "1"}, 415),
        ({"Content-Type": "application/json"}, 403),
        ({"Content-Type": "application/json", "Origin": "http://evil.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null", "X-Edgedet": "1"}, 403),
        (dict(JSON, Origin="http://127.0.0.1.evil.example"), 403),
        (JSON, 200),
        ({"Content-Type": "application/json; charset=utf-8", "Origin": "OWN"}, 200),
    ],
)
def test_what_other_sites_can_send_changes_nothing(local, headers, status):
    own = "http://127.0.0.1:{}".format(local.port)
    headers = {name: own if value == "OWN" else value for name, value in headers.items()}
    assert local.ask("/api/confidence", "POST", CONFIDENCE, headers)[0] == status
    assert local.controls.confidence == (0.5 if status == 200 else 0.25)
