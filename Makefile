# Everything a person runs. Each command prepares what it needs first, and does so once.
PYTHON ?= python3
VAR ?= var
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
BENCHMARKS := $(VENV)/.benchmarks
TORCH := torch==2.13.0

.PHONY: help run test check audit format bench load faults clean

help:
	@echo "make run     start MaiBroker here and print where to click (VAR=directory, PORT=8000)"
	@echo "make test    run every test on a real PostgreSQL and Valkey"
	@echo "make check   format, lint, types, layers and languages"
	@echo "make audit   known vulnerabilities of the libraries, where the network allows"
	@echo "make format  put the code in the project's format"
	@echo "make bench   measure speed and write docs/BENCHMARKS.md"
	@echo "make load    run 100 to 5,000 users at once and write docs/LOAD.md"
	@echo "make faults  kill, freeze, empty and misdate everything while people trade, for half an hour, and check the books"
	@echo "make clean   remove the virtual environment; what VAR keeps stays"

run: $(RUNTIME)
	@exec $(BIN)/python -m web.local --var "$(VAR)"

test: $(DEVELOPMENT)
	$(BIN)/python -m pytest $(TESTS)

check: $(DEVELOPMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit -q -r engine nlp bot web -c pyproject.toml
	$(BIN)/python -m bot.locales_check

# Known vulnerabilities of what is installed; the lists are asked for over the network.
audit: $(DEVELOPMENT)
	$(BIN)/pip-audit --local

format: $(DEVELOPMENT)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCHMARKS)
	$(BIN)/python -m tests.bench

load: $(DEVELOPMENT)
	$(BIN)/python -m tests.load

# One seed alone, as a failure names it: make faults FAULTS="--seed 7"
faults: $(DEVELOPMENT)
	$(BIN)/python -m tests.faults $(FAULTS)

clean:
	rm -rf $(VENV)

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { echo "MaiBroker needs Python 3.11 or newer, and there is no $(PYTHON) here; name one with PYTHON=/path/to/python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MaiBroker needs Python 3.11 or newer, and $(PYTHON) is %d.%d; name another with PYTHON=python3.12." % sys.version_info[:2])'
	@echo "Installing MaiBroker's libraries into $(VENV)/, once: a few minutes, and about 3 GB of disk."
	$(PYTHON) -m venv $(VENV)

# torch comes first and alone: it is the largest by far, and openai-whisper would take any build of it.
$(RUNTIME): requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install "$(TORCH)"
	$(BIN)/python -m pip install -r requirements.txt
	@touch $@

$(DEVELOPMENT): requirements-dev.txt $(RUNTIME)
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@

# The engines that ours is measured beside; one of them wrongly says that it needs a newer Python.
$(BENCHMARKS): tests/bench/requirements.txt $(DEVELOPMENT)
	$(BIN)/python -m pip install --ignore-requires-python -r tests/bench/requirements.txt
	@touch $@
