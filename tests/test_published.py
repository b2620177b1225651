"""The published tables: complete, typed, and found by our models' names."""

import pytest

from edgedet.published import (
    ACCURACY_TABLE,
    DETECTOR_ROWS,
    SPEED_TABLE,
    published_table,
    published_tables,
    rows_for,
)
from edgedet.runtime.errors import UsageError


def test_every_table_has_a_value_for_every_column():
    tables = published_tables()
    assert {"ssd.T1", "ssd.T3", "ssd.T4", "dw.T6"} <= set(tables)
    for table in tables.values():
        keys = [column.key for column in table.columns]
        assert all(list(row) == keys for row in table.rows), table.id


def test_the_speed_table_as_printed():
    table = published_table(SPEED_TABLE)
    fps = {row["detector"]: row["mean_FPS"] for row in table.rows}
    assert fps["Custom_SSD_custom_pipeline"] == 200
    assert fps["SSD_MobileNetV2"] == 153
    assert table.hardware == "Nvidia RTX 3090"
    assert table.column("mean_FPS").higher_is_better is True
    assert "8-10 FPS on Jetson Nano" in table.notes[0]


@pytest.mark.parametrize(
    ("model", "speeds", "ap50"),
    [
        ("scale_aware_ssd", [200, 200], [78.7, 86.4]),
        ("ssd_mobilenetv2", [153], [57.8]),
        ("faster_rcnn_r50_fpn", [51], [83.6]),
        ("faster_rcnn_r101_fpn", [31], [79.9]),
        ("retinanet_r50_fpn", [43], [88.0]),
        ("ssdlite_mobilenetv3", [], []),
    ],
)
def test_rows_of_our_models(model, speeds, ap50):
    rows = rows_for(model)
    assert [r.values["mean_FPS"] for r in rows if r.table.id == SPEED_TABLE] == speeds
    assert [r.values["AP50"] for r in rows if r.table.id == ACCURACY_TABLE] == ap50


def test_a_model_of_no_paper_has_no_rows():
    assert rows_for("multiscale_shapes") == ()
    assert rows_for("") == ()


def test_the_named_models_exist():
    models = pytest.importorskip("edgedet.models.registry")
    assert set(DETECTOR_ROWS) <= set(models.MODELS)


def test_unknown_names_say_the_nearest():
    with pytest.raises(UsageError, match="ssd.T4"):
        published_table("ssd.T44")
    with pytest.raises(UsageError, match="mean_FPS"):
        published_table("ssd.T4").column("mean_fps")
