"""The picture of a training draws what `results.csv` holds."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from edgedet.training.charts import training_chart

ROWS = """epoch,step,lr,loss,loss_regression,n_pos,ap,ap50
1,2,0.1,3.0,3.0,5,,
2,4,0.1,2.0,2.0,5,0.25,0.5
"""


def test_terms_and_evaluations_are_drawn_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(ROWS)
    svg = training_chart(tmp_path)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    written = svg.decode("utf-8")  # matplotlib names each text it draws in a comment
    assert all(f"<!-- {name} -->" in written for name in ("regression", "AP", "AP50", "epoch"))
    assert "<!-- n_pos -->" not in written
