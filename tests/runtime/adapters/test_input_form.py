import pytest

from edgedet.runtime import ModelError
from edgedet.runtime.adapters.input_form import input_form
from edgedet.runtime.onnx_session import TensorInfo

FILE = "model.edgedet.json"


def form_of(*shape, dtype="float32", size=None, metadata=None):
    return input_form([TensorInfo("x", dtype, shape)], metadata or {}, size, FILE)


@pytest.mark.parametrize(
    ("shape", "dtype", "layout", "has_batch"),
    [
        ((1, 3, 32, 64), "float32", "NCHW", True),
        (("batch", 3, 32, 64), "float32", "NCHW", True),
        ((None, 32, 64, 3), "float32", "NHWC", True),
        ((3, 32, 64), "float32", "NCHW", False),
        ((1, 32, 64, 3), "uint8", "NHWC", True),
    ],
)
def test_forms(shape, dtype, layout, has_batch):
    assert form_of(*shape, dtype=dtype)[:4] == ((32, 64), layout, dtype, has_batch)


def test_a_dynamic_size_comes_from_the_file_or_the_metadata():
    assert form_of(1, 3, "h", "w", size=(32, 64)).size_hw == (32, 64)
    form = form_of(1, 3, None, None, metadata={"imgsz": "[480, 640]"})
    assert (form.size_hw, "480 x 640" in form.assumed) == ((480, 640), True)
    with pytest.raises(ModelError, match=r'"size_hw": \[height, width\]} to model.edgedet.json'):
        form_of(1, 3, "h", "w", metadata={"imgsz": "__import__('os')"})


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"shape": (1, 3, 32, 64), "dtype": "float16"}, "float32"),
        ({"shape": (1, 3, 32, 64), "dtype": "int64"}, "float32 or uint8"),
        ({"shape": (4, 3, 32, 64)}, "batch of 1"),
        ({"shape": (1, 1, 32, 64)}, "3 channels"),
        ({"shape": (1, 3, 32, 64), "dtype": "uint8"}, "channels last"),
        ({"shape": (1, 3)}, "picture"),
        ({"shape": (1, 3, 32, 64), "size": (32, 32)}, "32 x 32"),
        ({"shape": (1, 3, 99999, 64)}, "99999 x 64"),
        ({"shape": (1, 3, "h", "w"), "size": (64, 99999)}, "64 x 99999"),
        ({"shape": (1, 3, "h", "w"), "metadata": {"imgsz": "[99999, 99999]"}}, "at most 8192"),
    ],
)
def test_what_cannot_be_fed_is_refused_in_one_line(form, message):
    with pytest.raises(ModelError, match=message) as caught:
        form_of(*form.pop("shape"), **form)
    assert "\n" not in str(caught.value)


def test_several_inputs_are_refused():
    info = TensorInfo("x", "float32", (1, 3, 32, 64))
    with pytest.raises(ModelError, match="one input, found 2: x float32"):
        input_form([info, info._replace(name="shape")], {}, None, FILE)
    with pytest.raises(ModelError, match="found 0: none"):
        input_form([], {}, None, FILE)
