# Paths are relative throughout, so that a checkout whose path has a space in it works.
PYTHON ?= python3
BIN = .venv/bin/python -m

.PHONY: run test lint types format benchmark dashboard docs clean

run: .venv/ready ## set up, and run the main job
	$(BIN) odebench run suites/mnist

# A process a core, of a thread each. Most of what the tests compile runs once: XLA spends no time on making it faster,
# and of its two generators of loops it takes the one that is done sooner.
test: export OMP_NUM_THREADS = 1
test: export JAX_DISABLE_MOST_OPTIMIZATIONS = 1
test: export XLA_FLAGS = --xla_cpu_use_fusion_emitters=false
test: .venv/ready lint types ## set up, and pass lint, types and tests
	$(BIN) pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: .venv/ready
	$(BIN) ruff check .
	$(BIN) ruff format --check .

types: .venv/ready
	$(BIN) mypy

format: .venv/ready
	$(BIN) ruff check --fix .
	$(BIN) ruff format .

benchmark: .venv/ready ## pytest-benchmark: our costs beside our rivals', in one run
	$(BIN) pytest tests/benchmarks --benchmark-only --benchmark-columns=min,median,iqr,rounds

dashboard: .venv/ready ## asv: measure this commit in this environment, and publish with what is stored
	$(BIN) asv machine --yes
	$(BIN) asv run --python=same --set-commit-hash $$(git rev-parse HEAD)
	$(BIN) odebench asv export
	$(BIN) asv publish

docs: .venv/ready ## the site, into build/docs
	$(BIN) sphinx -W --keep-going -b html docs build/docs

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .asv

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN) pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch .venv/ready
