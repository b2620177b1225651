# `make demo` and `make test` do all the set-up themselves: a virtual environment and what is in it.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
BIN := $(CURDIR)/$(VENV)/bin
PACKAGES := edgedet runtime calibration export
# A strict editable install is a tree of links, so a new or renamed file needs a new one.
FILES := $(shell find $(PACKAGES) -name '*.py' -o -name '*.js*' -o -name '*.html*' -o -name '*.css' | LC_ALL=C sort | cksum | cut -d ' ' -f 1)
EDITABLE := --config-settings editable_mode=strict --editable

.PHONY: demo test test-slow test-gpu lint format clean

demo: $(VENV)/linked-$(FILES)
	$(BIN)/edgedet demo

test: $(VENV)/linked-$(FILES)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) -m "not gpu and not slow"  # the workers share the cores

test-slow: $(VENV)/linked-$(FILES)
	$(BIN)/pytest -m "slow"

test-gpu: $(VENV)/linked-$(FILES)
	$(BIN)/pytest -m "gpu"  # on an NVIDIA GPU; without one each is skipped

lint: $(VENV)/linked-$(FILES)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd $(VENV) && $(BIN)/mypy --config-file $(CURDIR)/pyproject.toml -p edgedet
	cd $(VENV) && $(BIN)/lint-imports --config $(CURDIR)/pyproject.toml --no-cache
	$(BIN)/vermin --quiet --no-tips --target=3.6- --violations runtime edgedet/__init__.py

format: $(VENV)/linked-$(FILES)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install $(EDITABLE) '.[dev]'
	touch $@

$(VENV)/linked-$(FILES): $(VENV)/installed
	rm -f $(VENV)/linked-*
	$(BIN)/pip install --quiet --no-deps --no-build-isolation $(EDITABLE) .
	touch $@
