# `make demo` shows the product, `make test` proves it; both install first what is missing below .venv.
PYTHON ?= python3
JOBS ?= 4
INPUTS ?= 1000000
GUIDED ?= 200000
METERS ?= 300
PROTOCOL_TESTS := tests/unit/test_protocols_*.py tests/properties/test_protocols_*.py tests/vectors/test_protocols_*.py
export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN := .venv/bin
LOCKED := requirements/runtime.txt requirements/dev.txt
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url

.PHONY: help install peers demo test coverage fuzz chaos bench lint format lock soak clean

help:
	@echo "make install   .venv with everything in it"
	@echo "make peers     .venv-peers: the foreign implementations that the tests speak with"
	@echo "make demo      a small cooperative, live: meters, head-end, database, pages (Ctrl-C ends it)"
	@echo "make test      the whole suite"
	@echo "make coverage  how much of protocols/ its tests run through; less than 95 % of the branches is a failure"
	@echo "make fuzz      a million hostile inputs and those led by coverage (INPUTS=, GUIDED=, SEED=)"
	@echo "make chaos     a bad network, head-ends killed, the database stopped, a flood: nothing may be lost (METERS=, SEED=)"
	@echo "make bench     every benchmark"
	@echo "make lint      format, lint, types, layers"
	@echo "make lock      pin requirements/*.in anew"
	@echo "make soak      the tests that take minutes"
	@echo "make clean     remove what install made (not the databases below var/)"

install: .venv/.installed

.venv/.installed: $(LOCKED) pyproject.toml debian-packages.txt packages.sh install.sh
	@sh install.sh "$(PYTHON)" $(LOCKED)

peers: .venv-peers/.installed

.venv-peers/.installed: requirements/peers.txt tests/peers/package-lock.json peers.sh .venv/.installed
	@sh packages.sh test "$(PYTHON)"
	@sh peers.sh "$(PYTHON)" requirements/peers.txt

demo: install
	@$(BIN)/ami demo

test: install peers
	@sh packages.sh test "$(PYTHON)"
	@$(BIN)/python -m tests.compiled_first
	@$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not soak"

coverage: install
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -p no:xdist -m "not long and not soak" $(wildcard $(PROTOCOL_TESTS))
	@$(BIN)/coverage report
	@$(BIN)/coverage json -q -o - | $(BIN)/python tests/branches_taken.py 95

fuzz: install
	@nice -n 15 $(BIN)/python -m tests.fuzz --inputs $(INPUTS) --guided $(GUIDED) $(if $(SEED),--seed $(SEED))

chaos: install
	@$(BIN)/python -m tests.chaos --meters $(METERS) $(if $(SEED),--seed $(SEED))

bench: install peers
	@$(BIN)/ami bench all

lint: install
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:
	cd requirements && ../$(BIN)/$(COMPILE) runtime.in -o runtime.txt && ../$(BIN)/$(COMPILE) dev.in -o dev.txt && ../$(BIN)/$(COMPILE) peers.in -o peers.txt

soak: install peers
	@sh packages.sh test "$(PYTHON)"
	@$(BIN)/pytest -m soak --timeout 3600

clean:
	rm -rf .venv .venv-peers .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
