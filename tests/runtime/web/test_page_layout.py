"""How the page shows things: on a phone, with long names, without a picture."""

import pytest

pytest.importorskip("cv2", reason="the page draws with OpenCV")

from web_page import PHONE, becomes, moves  # noqa: E402
from web_scene import scene  # noqa: E402


def test_a_phone_shows_all_in_one_column(opened):
    names = ["camera{}".format(number) for number in range(1, 4)]
    with scene(cameras=names, can_record=True) as s:
        for name in names:
            s.keep_showing(camera=name)
        page = opened(s, PHONE)
        assert all(moves(page, index) for index in range(3))
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        boxes = [card.bounding_box() for card in page.locator(".card").all()]
        assert len({box["x"] for box in boxes}) == 1
        assert all(box["width"] > 0.9 * PHONE["width"] for box in boxes)
        assert page.locator("#summary").inner_text() == "3 of 3 cameras live"


def test_a_single_camera_has_all_the_room(opened):
    """On a phone that lies on its side, too, and its picture is seen whole."""
    with scene() as s:
        s.keep_showing()
        page = opened(s, {"width": 844, "height": 390})
        assert moves(page)
        assert page.locator(".card").bounding_box()["width"] > 0.9 * 844
        assert page.locator(".view").bounding_box()["height"] < 390


def test_a_phone_is_for_fingers(opened):
    with scene(can_record=True) as s:
        s.keep_showing()
        s.controls.recording = True
        page = opened(s, PHONE, touch=True)
        page.get_by_role("button", name="Stop recording").wait_for()
        for control in ("#confidence", "#record", "[data-snapshot]"):
            box = page.locator(control).bounding_box()
            assert box["height"] >= 44, control
        assert page.locator("#confidence").bounding_box()["width"] >= 160
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_long_names_are_there_whole(opened):
    names = tuple("kind_of_a_long_name_that_differs_at_its_end_{}".format(n) for n in range(80))
    camera = "gate_with_a_name_that_is_as_long_as_a_name_may_be_and_then_north"
    cut = "nodes => nodes.filter(node => node.scrollWidth > node.clientWidth).length"
    with scene(cameras=[camera], class_names=names) as s:
        s.show(camera=camera, labels=list(range(80)))
        page = opened(s, PHONE)
        becomes(page, "document.querySelectorAll('[data-classes] li').length", 80)
        assert page.locator("[data-name]").evaluate_all(cut) == 0
        assert page.locator("li span").evaluate_all(cut) == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_graphs_are_of_the_last_minute_however_seldom_it_was_asked(opened):
    """Browsers slow down the clocks of pages that are not seen."""
    with scene() as s:
        page = opened(s, clock=True)
        s.keep_showing()
        becomes(page, "document.querySelector('[data-state]')?.textContent", "Live")
        page.wait_for_timeout(2500)
        moves_of = "d => d.match(/[ML][0-9.]+/g).map(each => Number(each.slice(1)))"
        stroke = page.locator(".tile .stroke").first
        before = page.evaluate(moves_of, stroke.get_attribute("d"))
        assert 2 < before[-1] - before[0] < 15
        assert before[-1] == 60
        page.clock.fast_forward(40000)
        page.wait_for_timeout(1500)
        path = stroke.get_attribute("d")
        after = page.evaluate(moves_of, path)
        assert 40 < after[-1] - after[0] < 60
        assert path.count("M") == 2  # nothing is known of the time between
        page.clock.fast_forward(61000)
        page.wait_for_timeout(1500)
        assert stroke.get_attribute("d").count("M") == 1
        assert page.locator(".scale").last.inner_text().split("\n") == ["1 min", "max 25 ms"]


def test_without_a_picture_nothing_is_counted(opened):
    """A zero would say that somebody looked."""
    with scene(cameras=["opening", "lost"]) as s:
        s.show(camera="lost")
        page = opened(s)
        becomes(page, "document.querySelectorAll('[data-total]')[1]?.textContent", "3")
        s.health["lost"].lost("no frame came for 3 s")
        becomes(page, "document.querySelectorAll('[data-total]')[1]?.textContent", "–")
        assert page.locator("[data-classes] li").all_inner_texts() == ["bottle\n–", "person\n–"]
        assert page.locator("[data-total]").first.inner_text() == "–"
        assert page.locator("[data-none]:visible").count() == 0
        s.show(1, camera="lost", labels=[])
        becomes(page, "document.querySelectorAll('[data-total]')[1]?.textContent", "0")
