"""The page in a real browser: what moves, acts, and comes back."""

import pytest

pytest.importorskip("cv2", reason="the page draws with OpenCV")

from web_page import BRIGHTNESS, becomes, moves  # noqa: E402
from web_scene import Scene, scene, zone  # noqa: E402


def test_the_picture_moves_and_counts_change(opened):
    with scene() as s:
        s.keep_showing()
        page = opened(s)
        assert moves(page)
        becomes(page, "document.querySelector('[data-total]')?.textContent", "3")
        assert page.locator("[data-classes] li").all_inner_texts() == ["bottle\n2", "person\n1"]
        assert page.locator("[data-state]").inner_text() == "Live"
        assert page.title() == "Live – edgedet"
        assert page.locator(".tile .stroke").first.get_attribute("d").startswith("M")
        s.pause()
        s.show(1, labels=[1] * 5, zones=[zone("door", (0, 5, 0), (0, 7, 0))])
        becomes(page, "document.querySelector('[data-total]')?.textContent", "5")
        assert page.locator("[data-zones] tbody tr").inner_text().split() == ["door", "5", "7", "0"]


def test_each_picture_is_seen_at_once(opened):
    """Not with the next one, which may be a long time in coming."""
    with scene() as s:
        s.show(0, labels=[])
        page = opened(s)
        becomes(page, "document.querySelector('img.live')?.naturalWidth", 160, within_ms=3000)
        for number in (1, 2):
            image = page.locator("img.live")
            before = image.evaluate(BRIGHTNESS)
            s.show(number, labels=[])
            page.wait_for_timeout(1500)
            assert image.evaluate(BRIGHTNESS) > before + 5000


def test_the_slider_acts_and_other_viewers_see_it(opened):
    with scene() as s:
        s.keep_showing()
        page, other = opened(s), opened(s)
        becomes(other, "document.getElementById('value')?.textContent", "0.25")
        page.wait_for_selector("#confidence:enabled")
        page.get_by_label("Confidence").fill("0.6")
        assert page.locator("#value").inner_text() == "0.60"
        becomes(other, "document.getElementById('value')?.textContent", "0.60")
        assert s.controls.confidence == 0.6
        page.get_by_label("Confidence").press("ArrowRight")
        becomes(other, "document.getElementById('confidence').value", "0.61")


def test_recording_is_started_and_stopped(opened):
    with scene(can_record=True) as s:
        s.show()
        page = opened(s)
        page.get_by_role("button", name="Record").click()
        becomes(page, "document.getElementById('record').innerText.trim()", "Stop recording")
        assert s.controls.recording
        page.get_by_role("button", name="Stop recording").click()
        becomes(page, "document.getElementById('record').innerText.trim()", "Record")
        assert not s.controls.recording


def test_the_page_comes_back_after_a_restart(opened):
    first = Scene(token="a-token-for-this-test")
    try:
        first.keep_showing()
        page = opened(first)
        assert "token" not in page.url
        assert moves(page)
    finally:
        first.close()
    becomes(page, "document.querySelector('[data-state]')?.textContent", "Offline")
    assert page.locator(".veil").is_visible()
    with scene(token="a-token-for-this-test", port=first.port) as second:
        second.keep_showing()
        becomes(page, "document.querySelector('[data-state]')?.textContent", "Live")
        assert page.locator(".veil").is_hidden()
        assert moves(page)


def test_a_lost_camera_says_so_on_its_picture(opened):
    with scene() as s:
        s.show()
        page = opened(s)
        becomes(page, "document.querySelector('[data-state]')?.textContent", "Live")
        s.health["camera"].lost("no frame came for 3 s")
        becomes(page, "document.querySelector('[data-state]')?.textContent", "Lost")
        told = page.locator(".veil").inner_text()
        assert "No picture for" in told
        assert "No frame came for 3 s. Opening it again" in told
        s.keep_showing()
        becomes(page, "document.querySelector('[data-state]')?.textContent", "Live")
        assert page.locator(".veil").is_hidden()


def test_more_cameras_than_a_browser_has_connections_for(opened):
    names = ["camera{}".format(number) for number in range(1, 8)]
    with scene(cameras=names) as s:
        for name in names:
            s.keep_showing(camera=name, every_s=0.2)
        page = opened(s)
        assert moves(page, 0)
        assert moves(page, 6)


def test_windows_of_one_browser_share_its_connections(opened):
    """It has six for all of them; live pictures may not take those of everything else."""
    answers = """() => fetch("/healthz", {signal: AbortSignal.timeout(4000)}).then(
        answer => answer.ok, () => false)"""
    names = ["camera{}".format(number) for number in range(4)]
    with scene(cameras=names) as s:
        for name in names:
            s.keep_showing(camera=name, every_s=0.2)
        first = opened(s)
        assert moves(first, 3)
        second = first.context.new_page()
        second.goto(s.server.link)
        assert moves(second, 3)
        second.wait_for_timeout(1500)
        assert [page.evaluate(answers) for page in (first, second)] == [True, True]
        assert moves(first, 3)
        second.close()
        watched = "fetch('/api/state').then(a => a.json()).then(a => a.streams.now)"
        for _ in range(100):
            if first.evaluate(watched) == 4:
                break
            first.wait_for_timeout(100)
        assert first.evaluate(watched) == 4


def test_another_model_after_a_restart_has_its_own_classes(opened):
    with scene() as first:
        first.show()
        page = opened(first)
        becomes(page, "document.querySelector('[data-classes]')?.innerText[0]", "b")
    with scene(port=first.port, class_names=("circle", "square", "triangle")) as second:
        second.show()
        becomes(page, "document.querySelector('[data-classes]')?.innerText[0]", "c")
        shown = page.locator("[data-classes] li").all_inner_texts()
        assert shown == ["circle\n2", "triangle\n1"]


def test_another_token_after_a_restart_is_no_lost_connection(opened):
    with scene(token="a-token-for-this-test") as first:
        first.show()
        page = opened(first)
        becomes(page, "document.querySelector('[data-state]')?.textContent", "Live")
    with scene(token="another-token-for-this", port=first.port):
        becomes(page, "document.getElementById('summary').textContent", "Locked. Trying again…")
        assert "opens with its link" in page.locator("#notice").inner_text()
        assert "another token" in page.locator(".veil").inner_text()


def test_without_a_free_live_picture_single_ones_come(opened):
    with scene(most_streams=1) as s:
        s.keep_showing()
        first = opened(s)
        assert moves(first)
        second = opened(s)
        assert moves(second)
        assert len(s.server._site._viewers) == 1


def test_a_wrong_link_says_where_the_right_one_is(opened):
    with scene(token="a-token-for-this-test") as s:
        page = opened(s)
        page.context.clear_cookies()
        page.goto(s.server.address + "?token=wrong")
        assert "opens with its link" in page.locator("body").inner_text()
