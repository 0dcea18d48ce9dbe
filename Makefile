# Paths are relative throughout, so that a checkout whose path has a space in it works.
PYTHON ?= python3
BIN = .venv/bin/python -m

.PHONY: run test lint types format benchmark dashboard clean

run: .venv/ready ## set up, and run the main job
	$(BIN) odebench run suites/mnist

test: .venv/ready lint types ## set up, and pass lint, types and tests
	$(BIN) pytest

lint: .venv/ready
	$(BIN) ruff check .
	$(BIN) ruff format --check .

types: .venv/ready
	$(BIN) mypy

format: .venv/ready
	$(BIN) ruff check --fix .
	$(BIN) ruff format .

benchmark: .venv/ready ## pytest-benchmark: our costs beside our rivals', in one run
	$(BIN) pytest tests/benchmarks --benchmark-only

dashboard: .venv/ready ## asv: measure this commit in this environment, and publish
	$(BIN) asv machine --yes
	$(BIN) asv run --python=same --set-commit-hash $$(git rev-parse HEAD)
	$(BIN) asv publish

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .asv

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch .venv/ready
