# Two commands do everything on a fresh machine: `make demo` and `make test`.
# torch is pinned and installed first: anything else may bring gigabytes of CUDA.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH := torch==2.13.0
# Its losses are held against ours in the tests. They run without the torchvision that it asks for.
SECOND_OPINION := torchdistill==1.1.5

.PHONY: setup test check lint demo docs clean
setup: $(VENV)/.done

$(VENV)/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps $(SECOND_OPINION)
	touch $@

# Three on two cores: some tests wait for processes that are killed, for time-outs and for servers.
# Each computes in one thread: more threads than cores wait for each other, up to 70 times as long.
# Each takes files that follow each other, so that what a file's tests share is made once.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

demo: setup
	$(BIN)/auxdrive demo --out demo

# The pages and the API as a site in `site`; a warning is an error.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(VENV)/.docs: $(VENV)/.done
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) demo site
