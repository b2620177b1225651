import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgedet.recipe import load_recipe
from edgedet.runtime.errors import UsageError
from edgedet.scales.recipe_file import data_as_seen_from, recipe_text, write_recipe
from edgedet.scales.setting import Setting

SIDES = st.floats(1, 500).map(lambda v: round(v, 1))
LEVELS = st.one_of(SIDES, st.lists(SIDES, min_size=2, max_size=4))
OPTIONS = st.fixed_dictionaries(
    {
        "trunk": st.sampled_from(("mobilenet_v2", "resnet18")),
        "taps": st.one_of(st.just("paper"), st.lists(st.integers(1, 18), min_size=1, max_size=3)),
        "anchors": st.lists(LEVELS, min_size=1, max_size=4),
    },
    optional={
        "ratios": st.lists(st.floats(0.1, 10).map(lambda v: round(v, 2)), min_size=1, max_size=3),
        "nms_iou": st.sampled_from((0.35, 0.6)),
        "class_weights": st.one_of(st.just("auto"), st.lists(st.floats(1, 10), min_size=1)),
        "resize": st.just("letterbox"),
    },
)
REASONS = st.text(max_size=300)
# No path separators: a name. YAML means something by the others: `yes`, `1e3`, `# a`, `- x`.
NAMES = st.one_of(
    st.text(string.printable[:94] + "äß米", min_size=1, max_size=12).filter(
        lambda name: "/" not in name and not name.startswith(("~", "shapes", "."))
    ),
    st.sampled_from(("yes", "null", "1e3", "# a", "- x", "a: b", "'", '"', "&x", " a", "a ")),
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(options=OPTIONS, reason=REASONS, name=NAMES, imgsz=st.integers(32, 2048))
def test_a_written_recipe_says_what_was_put_in(tmp_path, options, reason, name, imgsz):
    keys = {
        "model": Setting("scale_aware_ssd", reason),
        "data": Setting(name, reason),
        "imgsz": Setting(imgsz, ""),
    }
    text = recipe_text(reason, keys, {key: Setting(v, reason) for key, v in options.items()})
    path = tmp_path / "recipe.yaml"
    path.unlink(missing_ok=True)
    write_recipe(path, text)
    recipe = load_recipe(path)
    assert recipe.model_options == options
    assert (recipe.model, recipe.imgsz) == ("scale_aware_ssd", imgsz)
    assert recipe.data == str((tmp_path / name).resolve())


def test_every_value_stands_under_its_reason():
    text = recipe_text("Why", {"imgsz": Setting(320, "small objects")}, {"taps": Setting([5], "b")})
    assert text == "# Why\n\n# small objects\nimgsz: 320\nmodel_options:\n  # b\n  taps: [5]\n"


def test_a_file_is_never_overwritten(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("model: mine\n")
    with pytest.raises(UsageError, match=r"new file.*recipe\.yaml"):
        write_recipe(path, "model: other\n")
    assert path.read_text() == "model: mine\n"


TAPS = {"taps": Setting([5], "")}


def test_a_folder_with_the_generators_name_stays_a_folder(tmp_path, monkeypatch):
    (tmp_path / "shapes").mkdir()
    monkeypatch.chdir(tmp_path)
    seen = data_as_seen_from(Path("recipe.yaml"), "./shapes")
    write_recipe(Path("recipe.yaml"), recipe_text("", {"data": Setting(seen, "")}, TAPS))
    assert load_recipe(Path("recipe.yaml")).data == str(tmp_path.resolve() / "shapes")


def test_data_below_the_recipe_can_move_with_it(tmp_path, monkeypatch):
    (tmp_path / "data" / "pears").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert data_as_seen_from(Path("recipe.yaml"), "data/pears") == "data/pears"
    elsewhere = data_as_seen_from(Path("recipes/recipe.yaml"), "data/pears")
    assert elsewhere == str((tmp_path / "data" / "pears").resolve())
    assert data_as_seen_from(Path("recipe.yaml"), "shapes:train=5") == "shapes:train=5"
