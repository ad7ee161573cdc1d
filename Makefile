# make demo      convert a Keras file and show that both give the same answers
# make test      what has to pass before a commit
# make test-all  and the slow tests
# make recipes   all recipes as one page: build/recipes/index.html
# make lint, make format, make clean
#
# The first of them sets up .venv, with TensorFlow and PyTorch in it: minutes and
# gigabytes, once. Another Python than python3: make PYTHON=python3.12 demo

PYTHON ?= python3
WORKERS ?= 2

BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test test-all recipes lint format clean

demo: $(READY)
	$(BIN)/keras2torch convert examples/digits_cnn.h5 -o build/digits_cnn
	$(BIN)/python examples/digits_accuracy.py build/digits_cnn

recipes: $(READY)
	$(BIN)/keras2torch recipes site -o build/recipes/index.html

# Many processes of one thread each are faster here than two that fight over all cores,
# and a sum over one thread gives the same last bit every time.
test test-all: export OMP_NUM_THREADS := 1
test test-all: export MKL_NUM_THREADS := 1

# loadfile: the tests of a file share what they asked Keras, so one worker runs them all.
test: lint
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not slow"

test-all: lint
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict keras2torch

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Leaves .venv, which takes longest to make.
clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "$(PYTHON) is not a Python 3.10 or later: name one, as in make PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2> /dev/null || { \
		echo "$(PYTHON) lacks the module ensurepip, without which it cannot make .venv: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Setting up .venv: TensorFlow and PyTorch, some minutes and gigabytes, once."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[tensorflow,test]'
	@touch $@
