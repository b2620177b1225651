"""The verb on files: what it prints, writes and refuses."""

import json

import numpy as np
import pytest
import yaml
from PIL import Image

from edgedet.cli import main
from edgedet.recipe import load_recipe


def write_split(folder, split, images, seed):
    """A COCO file of bright squares of 20 to 40 px in images of 128 px."""
    rng = np.random.default_rng(seed)
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "square"}]}
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(images):
        name = f"{split}_{number}.png"
        pixels = rng.integers(0, 60, (128, 128, 3), dtype=np.uint8)
        document["images"].append({"id": number, "file_name": name, "width": 128, "height": 128})
        for left in (4, 70):
            side, top = (int(v) for v in (rng.integers(20, 40), rng.integers(0, 80)))
            pixels[top : top + side, left : left + side] = 230
            document["annotations"].append(
                {
                    "id": len(document["annotations"]) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [left, top, side, side],
                    "area": side * side,
                    "iscrowd": 0,
                }
            )
        Image.fromarray(pixels).save(folder / "images" / name)
    (folder / "annotations").mkdir(exist_ok=True)
    (folder / "annotations" / f"{split}.json").write_text(json.dumps(document))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    write_split(folder, "train", 4, 0)
    write_split(folder, "val", 2, 1)
    return folder


def test_json_picture_and_recipe(data, tmp_path, capsys):
    recipe, out = tmp_path / "fitted.yaml", tmp_path / "out"
    words = ["scales", str(data), "--imgsz", "128", "--write", str(recipe), "--out", str(out)]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads((out / "scales.json").read_text()) == printed
    assert (out / "scales.png").read_bytes().startswith(b"\x89PNG")
    assert printed["sizes"]["classes"][1]["class"] == "square"
    assert [c["known_as"] for c in printed["candidates"] if c["chosen"]] == [None]
    written = load_recipe(recipe)
    assert written.model_options == printed["model_options"]
    assert (written.imgsz, written.data) == (128, str(data.resolve()))
    assert yaml.safe_load(recipe.read_text())["data"] == "data"


def test_the_written_recipe_trains(data, tmp_path, capsys):
    recipe = tmp_path / "fitted.yaml"
    out = ["--out", str(tmp_path / "scales")]
    assert main(["scales", str(data), "--imgsz", "128", "--write", str(recipe), *out]) == 0
    quick = ["--weights", "none", "--epochs", "1", "--batch", "2", "--workers", "0"]
    words = ["train", "--recipe", str(recipe), *quick, "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "train")]) == 0
    assert (tmp_path / "train" / "best.pt").is_file()


def test_the_table_is_for_people(data, tmp_path, capsys):
    assert main(["scales", str(data), "--imgsz", "128", "--out", str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert "Candidates" in captured.out
    assert "Attach square anchors" in captured.out
    assert str(tmp_path / "out") in captured.err


def test_an_existing_recipe_is_refused_before_anything_is_written(data, tmp_path, capsys):
    recipe, out = tmp_path / "mine.yaml", tmp_path / "out"
    recipe.write_text("model: mine\n")
    words = ["scales", str(data), "--write", str(recipe), "--out", str(out)]
    assert main([*words, "--check"]) == 2
    captured = capsys.readouterr()
    assert "mine.yaml" in captured.err
    assert "Checking" not in captured.err
    assert recipe.read_text() == "model: mine\n"
    assert not out.exists()


def test_checks_come_first(data, tmp_path, capsys):
    words = ["scales", str(data), "--imgsz", "128", "--check", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text.index("auto weight") < text.index("Candidates")
    assert main([*words, "--json"]) == 0
    assert "findings" in json.loads(capsys.readouterr().out)["checks"]


def test_strict_makes_a_warning_fail(data, tmp_path, capsys):
    """An image of val that train has as well."""
    images = data / "images"
    (images / "val_0.png").write_bytes((images / "train_0.png").read_bytes())
    words = ["scales", str(data), "--imgsz", "128", "--out", str(tmp_path / "out")]
    assert main([*words, "--strict"]) == 3
    assert not (tmp_path / "out").exists()


def test_generated_shapes_can_be_fitted(tmp_path, capsys):
    words = ["scales", "shapes:train=6,val=1", "--imgsz", "224", "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert "Candidates" in capsys.readouterr().out
    assert main([*words, "--check"]) == 2
