# Every target sets itself up: .venv holds Pericope and its locked dependencies.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := schemas aligner models pipelines tests benchmarks docker flink setup.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-flink flink-up flink-down check fmt bench bench-gpu bench-aligner model clean

help:  ## Show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## Build .venv from requirements.lock

$(READY): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v not in ((3, 11), (3, 12)) and "Pericope needs Python 3.11 or 3.12, got %d.%d; say make PYTHON=/path/to/python3.11" % v)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --system-certs --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --system-certs --quiet --python $(BIN)/python --compile-bytecode --no-deps -e .
	@touch $(READY)

demo: $(READY)  ## Cut the example recordings into a corpus in build/demo
	$(BIN)/pericope run examples/demo/corpus.toml

test: $(READY)  ## Run all tests
	$(BIN)/python -m pytest tests

flink-up: $(READY)  ## Start a Flink cluster on this machine (Java and Maven needed)
	$(BIN)/python -m flink.cluster up

flink-down:  ## End it
	$(BIN)/python -m flink.cluster down

test-flink: $(READY)  ## Start a Flink cluster, run its tests on it, end it
	$(BIN)/python -m flink.cluster up
	$(BIN)/python -m pytest tests/pipelines/test_flink.py; status=$$?; \
	  $(BIN)/python -m flink.cluster down; exit $$status

check: $(READY)  ## Format, lint, types, imports and tests; changes nothing
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/python -m pytest tests

fmt: $(READY)  ## Format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix-only $(CODE)

bench: $(READY)  ## Measure accuracy, memory and speed against exact truth
	$(BIN)/python -m benchmarks

bench-aligner: $(READY)  ## Measure the aligner against others, long recordings, events
	$(BIN)/python -m benchmarks aligner_speed aligner_size aligner_events aligner_star

bench-gpu: $(READY)  ## Measure alignment on a GPU; says so if there is none
	$(BIN)/python -m benchmarks gpu

model: $(READY)  ## Train the bundled model from nothing (under 40 minutes on 2 cores)
	$(BIN)/pericope synth build/model/speech --preset training
	$(BIN)/pericope run build/model/speech/corpus.toml
	$(BIN)/pericope train aligner build/model/speech/corpus build/model/training --export models/bundled.safetensors

clean:  ## Remove everything that was built
	rm -rf build dist $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
