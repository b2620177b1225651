"""How a detector that others trained is used, and the spec file that says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgedet.model_facts import model_facts
from edgedet.runtime.adapters.adaptation import Adaptation
from edgedet.runtime.adapters.adapted_backend import adaptation_of
from edgedet.runtime.adapters.families import FAMILIES
from edgedet.runtime.adapters.spec_file import write_spec_file
from edgedet.runtime.adapters.spec_place import spec_file_of
from edgedet.runtime.errors import UsageError
from edgedet.runtime.onnx_session import OnnxSession
from edgedet.runtime.spec import SPEC_KEY, spec_to_json


def adapted_facts(model: Path, target: str | None = None) -> dict[str, Any]:
    """Return what `model_facts` returns, and under `adaptation` how the foreign model is used.

    The network runs once. The spec file beside the model is written, or filled up with what it
    does not say; what it says is never changed. Raises also UsageError for a model that needs no
    adaptation and ModelError for one that cannot be used.
    """
    facts = model_facts(model, target)
    adaptation = _adaptation(model, facts["kind"])
    path = spec_file_of(model)
    told = {
        "family": adaptation.family,
        "form": FAMILIES[adaptation.family].form,
        "outputs": adaptation.found.outputs,
        "recognised": list(adaptation.found.told),
        "assumed": list(adaptation.assumed),
        "spec_file": str(path),
        "written": _write(path, adaptation),
    }
    return {**facts, "spec": json.loads(spec_to_json(adaptation.spec)), "adaptation": told}


def _adaptation(model: Path, kind: str) -> Adaptation:
    if kind != "onnx":
        fix = "leave --adapt out, or name the .onnx file"
        raise UsageError("an .onnx file for --adapt", str(model), fix)
    with OnnxSession(model) as session:
        if SPEC_KEY in session.metadata:
            found = f"{model}, which edgedet exported"
            raise UsageError("a model that others made", found, "leave --adapt out")
        return adaptation_of(session)


def _write(path: Path, adaptation: Adaptation) -> bool:
    """Write the file unless it says all that there is to say; whether it did."""
    text = adaptation.text()
    if path.exists() and json.loads(path.read_bytes()) == json.loads(text):
        return False
    write_spec_file(path, text)
    return True
