"""Log lines for machines."""

import io
import json
import logging

from edgedet.runtime.outputs.log_form import JsonFormatter, logged_as


def test_a_line_each_with_what_went_wrong():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("edgedet.test_log_form")
    log.propagate = False
    log.addHandler(handler)
    log.warning("%s is lost\nsince %d s", "door", 3)
    try:
        raise ValueError("no")
    except ValueError:
        log.exception("a bug")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert first["message"] == "door is lost\nsince 3 s"
    assert (first["level"], first["logger"]) == ("warning", "edgedet.test_log_form")
    assert first["time"].endswith("Z")
    assert "error" not in first
    assert second["error"].splitlines()[-1] == "ValueError: no"


def test_the_log_is_as_before_when_a_run_is_over(capsys):
    log = logging.getLogger("edgedet")
    before = list(log.handlers), log.level, log.propagate
    with logged_as("json"):
        logging.getLogger("edgedet.camera").info("one")
    with logged_as("text"):
        logging.getLogger("edgedet.camera").info("two")
    assert (list(log.handlers), log.level, log.propagate) == before
    first, second = capsys.readouterr().err.splitlines()
    assert (json.loads(first)["message"], second) == ("one", "two")
