# setup: a virtual environment with everything       demo: demonstrations to a policy, with numbers
# curriculum: from there to the whole table by reward alone, with numbers
# meta: lifetimes of a policy that searches, a learner that adapts within them, with numbers
# road: does the way from demonstrations to a student run? All stages in minutes, and a page
# experiment-degradation: do worse attempts by the policy itself teach more than noise? hours
# test: the quick tests    check: format, lint, types, tests    bench: how fast, against the floor

PYTHON ?= python3
BIN := .venv/bin
DEMO := configs/pick_banana/diffusion_policy.yaml
DEMO_RUN := runs/pick_banana/diffusion_policy/demo
CURRICULUM := configs/pick_banana/curriculum.yaml
CURRICULUM_RUN := runs/pick_banana/curriculum/demo
LAST := checkpoints/last.ckpt
SKILL := docs/results/curriculum/checkpoints/curriculum-0.ckpt
LIFETIMES := configs/wanted_object/lifetimes.yaml
GRADED := configs/wanted_object/graded_lifetimes.yaml
META := configs/wanted_object/meta_learner.yaml
META_RUN := runs/wanted_object/meta_learner/demo

# Trains into a run's folder, on from its last checkpoint, unless that is done already.
fit = test -f $(2)/done || { $(BIN)/python train.py fit --config $(1) $(3) \
	--trainer.logger.init_args.version $(notdir $(2)) \
	$$(test ! -f $(2)/$(LAST) || echo --ckpt_path $(2)/$(LAST)) && touch $(2)/done; }
evaluate = $(BIN)/python train.py test --config $(1) --verbose false --ckpt_path $(2)/$(LAST)

# On a busy machine, threads that spin while they wait slow torch down tenfold.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: setup demo curriculum meta road test lint check bench experiment-degradation

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
	$(call fit,$(DEMO),$(DEMO_RUN))
	$(call evaluate,$(DEMO),$(DEMO_RUN))

curriculum: setup
	$(call fit,$(DEMO),$(DEMO_RUN))
	$(call fit,$(CURRICULUM),$(CURRICULUM_RUN),--model.init_args.beachhead $(DEMO_RUN)/$(LAST))
	$(call evaluate,$(CURRICULUM),$(CURRICULUM_RUN))

# From a committed policy: how it gets worse, lifetimes that it makes well and worse, the learner,
# its curve.
meta: setup
	test -f runs/ladder/results.json || $(BIN)/python experiments/skill_ladder.py \
		--knob temperature --episodes 200 --threads 0 --results runs/ladder/results.json
	$(BIN)/python train.py predict --config $(LIFETIMES) --config $(GRADED) --ckpt_path $(SKILL)
	$(call fit,$(META),$(META_RUN),--model.init_args.skill $(SKILL) --trainer.max_epochs 4)
	$(call evaluate,$(META),$(META_RUN))

SCALE ?= smoke
road: setup
	$(BIN)/python experiments/road.py --scale $(SCALE)

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto \
		-m "not slow and not gpu and not hardware"

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/typos
	$(BIN)/pyright --pythonpath $(BIN)/python

check: lint test

# All arms on the cheap family; those that tell most with contact.
SEEDS := 10 11 12 13 14 15 16 17 18 19
CONTACT_SEEDS := 0 1 2
NEW_SEEDS := 20 21 22 23 24 25 26 27 28 29
arms = $$($(BIN)/python -c "from experiments import degradation as d; \
	print(*(d.FAMILIES['$(1)'].arms or d.ARMS))")
runs = for seed in $(2); do for arm in $(3); do \
	$(BIN)/python experiments/degradation.py --task $(1) --arm $$arm --seed $$seed $(4) || exit 1; \
	done; done
experiment-degradation: setup
	$(call runs,hidden_reach,$(SEEDS),$(call arms,hidden_reach))
	$(call runs,bumped_camera,$(CONTACT_SEEDS),$(call arms,bumped_camera))
	$(call runs,hidden_reach,$(NEW_SEEDS),temperature iid_noise ou_noise,--registration 3)

bench: setup
	$(BIN)/python experiments/bench.py
