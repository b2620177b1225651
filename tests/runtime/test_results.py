import json

from edgedet.runtime import Detections, ModelSpec
from edgedet.runtime.results import ImageResult, results_to_json

SPEC = ModelSpec(class_names=("car", "tree"), size_hw=(320, 512))


def test_the_document_has_the_documented_keys_and_nothing_else():
    found = Detections([[1.23456, 2, 3, 4]], [0.1234567], [1])
    results = [
        ImageResult("a.jpg", (480, 640), found),
        ImageResult("b.jpg", (10, 20), Detections.empty()),
    ]
    assert json.loads(results_to_json("model.onnx", "cpu", SPEC, results)) == {
        "schema_version": 1,
        "model": "model.onnx",
        "device": "cpu",
        "image_size": [320, 512],
        "results": [
            {
                "source": "a.jpg",
                "width": 640,
                "height": 480,
                "detections": [
                    {
                        "box_xyxy": [1.235, 2.0, 3.0, 4.0],
                        "score": 0.123457,
                        "label": 1,
                        "class": "tree",
                    }
                ],
            },
            {"source": "b.jpg", "width": 20, "height": 10, "detections": []},
        ],
    }


def test_no_image_is_a_document_too():
    assert json.loads(results_to_json("m", "cpu", SPEC, []))["results"] == []
