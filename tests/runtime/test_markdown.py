from edgedet.runtime.markdown import markdown_table


def test_columns_are_as_wide_as_their_widest_cell():
    rows = [["a", "1.00"], ["longer", "22.50"]]
    assert markdown_table(("name", "ms"), rows, (False, True)).splitlines() == [
        "| name   |    ms |",
        "|--------|------:|",
        "| a      |  1.00 |",
        "| longer | 22.50 |",
    ]


def test_a_table_without_rows_is_its_head():
    assert markdown_table(("a",), [], (False,)).splitlines() == ["| a |", "|---|"]
