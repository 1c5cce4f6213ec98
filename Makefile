# setup: a virtual environment with everything       demo: demonstrations to a policy, with numbers
# test: the quick tests    check: format, lint, types, tests    bench: how fast, against the floor

PYTHON ?= python3
BIN := .venv/bin
CONFIG := configs/pick_banana/diffusion_policy.yaml
RUNS := runs/pick_banana/diffusion_policy

# On a busy machine, threads that spin while they wait slow torch down tenfold.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: setup demo test lint check bench

setup: .venv/installed

# torch by its exact version and first: a range can pull another, much larger, build of it.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt "$$(grep '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/python train.py fit --config $(CONFIG)
	$(BIN)/python train.py test --config $(CONFIG) --verbose false \
		--ckpt_path "$$(ls -t $(RUNS)/*/checkpoints/last.ckpt | head -n 1)"

test: setup
	$(BIN)/python -m pytest -m "not slow and not gpu and not hardware"

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/typos
	$(BIN)/pyright --pythonpath $(BIN)/python

check: lint test

bench: setup
	$(BIN)/python experiments/bench.py
