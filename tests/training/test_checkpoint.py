"""Checkpoints: no code is run, nothing is half-written, weights come back."""

import errno
import os
import pickle
from pathlib import Path

import pytest
import torch
from training_toys import CLASSES, Toy, ToyOptions, register_toy

from edgedet.runtime.errors import DeviceError, ModelError
from edgedet.runtime.spec import spec_to_json
from edgedet.training.checkpoint import load_checkpoint, model_from_checkpoint, save_checkpoint


def state(model: Toy, ema: Toy | None = None) -> dict[str, object]:
    return {
        "builder": "toy",
        "class_names": list(CLASSES),
        "options": {"imgsz": 32},
        "spec": spec_to_json(model.spec._replace(score_threshold=0.125)),
        "model": dict(model.state_dict()),
        "ema": dict(ema.state_dict()) if ema else None,
    }


def test_model_comes_back_averaged_and_with_its_own_spec(tmp_path: Path) -> None:
    register_toy()
    model, ema = Toy(CLASSES, ToyOptions()), Toy(CLASSES, ToyOptions())
    save_checkpoint(tmp_path / "both.pt", state(model, ema))
    save_checkpoint(tmp_path / "plain.pt", state(model))
    for name, source in (("both.pt", ema), ("plain.pt", model)):
        loaded = model_from_checkpoint(tmp_path / name)
        assert isinstance(loaded, Toy)
        assert not loaded.training
        assert torch.equal(loaded.stem.weight, source.stem.weight)
        assert loaded.spec.score_threshold == 0.125


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/edgedet_was_here",)


def evil(path: Path) -> None:
    torch.save({"model": Evil()}, path)


def evil_plain(path: Path) -> None:
    path.write_bytes(pickle.dumps(Evil()))


def truncated(path: Path) -> None:
    torch.save({"model": torch.rand(1000)}, path)
    path.write_bytes(path.read_bytes()[:2000])


def foreign(path: Path) -> None:
    torch.save({"state_dict": {}}, path)


def newer(path: Path) -> None:
    torch.save({**state(Toy(CLASSES, ToyOptions())), "schema_version": 99}, path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (evil, "holds code"),
        (evil_plain, "holds code"),
        (truncated, "whole checkpoint"),
        (lambda path: path.write_bytes(b""), "checkpoint"),
        (lambda path: path.write_text("not a checkpoint"), "checkpoint"),
        (lambda path: path.mkdir(), "readable checkpoint"),
        (lambda path: None, "No such file"),
        (foreign, "checkpoint of edgedet"),
        (newer, "version 99"),
    ],
)
def test_anything_else_is_one_line(tmp_path: Path, write: object, message: str) -> None:
    path = tmp_path / "model.pt"
    write(path)  # type: ignore[operator]
    with pytest.raises(ModelError, match=message) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert not Path("/tmp/edgedet_was_here").exists()


def test_weights_of_another_model(tmp_path: Path) -> None:
    register_toy()
    wrong = state(Toy(CLASSES, ToyOptions())) | {"class_names": ["a", "b", "c"]}
    save_checkpoint(tmp_path / "model.pt", wrong)
    with pytest.raises(ModelError, match="fit its model") as caught:
        model_from_checkpoint(tmp_path / "model.pt")
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, {"step": 1})

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DeviceError, match="full disk"):
        save_checkpoint(path, {"step": 2})
    monkeypatch.undo()
    assert torch.load(path, weights_only=True)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["model.onnx", "model.engine"])
def test_an_exported_model_is_called_one(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"graph")
    with pytest.raises(ModelError, match="found an exported model; give a .pt file"):
        load_checkpoint(tmp_path / name)
