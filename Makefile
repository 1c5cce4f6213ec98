# setup: a virtual environment with everything       demo: demonstrations to a policy, with numbers
# curriculum: from there to the whole table by reward alone, with numbers
# test: the quick tests    check: format, lint, types, tests    bench: how fast, against the floor

PYTHON ?= python3
BIN := .venv/bin
CONFIG := configs/pick_banana/diffusion_policy.yaml
RUNS := runs/pick_banana/diffusion_policy
CURRICULUM := configs/pick_banana/curriculum.yaml
# The newest checkpoint of the runs in a folder.
last = "$$(ls -t $(1)/*/checkpoints/last.ckpt | head -n 1)"

# On a busy machine, threads that spin while they wait slow torch down tenfold.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: setup demo curriculum test lint check bench

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
		--ckpt_path $(call last,$(RUNS))

curriculum: setup
	ls $(RUNS)/*/checkpoints/last.ckpt >/dev/null 2>&1 || $(BIN)/python train.py fit --config $(CONFIG)
	$(BIN)/python train.py fit --config $(CURRICULUM) \
		--model.init_args.beachhead $(call last,$(RUNS))
	$(BIN)/python train.py test --config $(CURRICULUM) --verbose false \
		--ckpt_path $(call last,runs/pick_banana/curriculum)

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
