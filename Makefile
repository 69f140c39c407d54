# Every target sets itself up: .venv holds Pericope and its locked dependencies.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
# Compiled at once: Python cannot keep what it compiles where PYTHONDONTWRITEBYTECODE is
# set, as in many containers, and every command would take 4 s longer to start.
UV_INSTALL := $(BIN)/uv pip install --system-certs --quiet --python $(BIN)/python --compile-bytecode
# Tests of object stores talk to this server, built once for all checkouts.
S3_SERVER_VERSION := 1.8.0
S3_SERVER := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pericope/versitygw-$(S3_SERVER_VERSION)/versitygw
READY := $(VENV)/.ready
CODE := schemas aligner models pipelines tests benchmarks docker flink setup.py

.DEFAULT_GOAL := help
.PHONY: help setup s3-server demo test test-flink flink-artefacts flink-up flink-down check fmt bench bench-gpu bench-aligner model clean

help:  ## Show what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## Build .venv from requirements.lock

$(READY): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v not in ((3, 11), (3, 12)) and "Pericope needs Python 3.11 or 3.12, got %d.%d; say make PYTHON=/path/to/python3.11" % v)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(UV_INSTALL) --require-hashes -r requirements.lock
	@$(UV_INSTALL) --no-deps -e .
	@touch $(READY)

s3-server: $(S3_SERVER)  ## Build the object store that tests talk to (needs Go)

$(S3_SERVER):
	@command -v go >/dev/null || { echo "Go is needed to build versitygw; see docs/object-stores.md" >&2; exit 1; }
	GOBIN=$(@D) go install github.com/versity/versitygw/cmd/versitygw@v$(S3_SERVER_VERSION)

demo: $(READY)  ## Cut the example recordings into a corpus in build/demo
	$(BIN)/pericope run examples/demo/corpus.toml

test: $(READY)  ## Run all tests
	$(BIN)/python -m pytest tests

flink-artefacts: $(READY)  ## Get what a Flink cluster on this machine is made of
	$(BIN)/python -m flink.artefacts

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
