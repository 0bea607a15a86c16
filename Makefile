# Everything works on a fresh clone with Go, Node.js, Python 3 with pip, and make. Nothing is written outside bin/ and the
# cache, which LATHE_CACHE moves.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
LATHE_CACHE ?= $(HOME)/.cache/lathe

LINT_VERSION := v2.15.0
LINT := $(LATHE_CACHE)/bin/golangci-lint-$(LINT_VERSION)/golangci-lint
CLIENTS := $(LATHE_CACHE)/clients
REQUIREMENTS := clients/requirements.txt

FUZZTIME ?= 30s
COUNT ?= 10
PACKAGES ?= ./...

export CGO_ENABLED := 0
export LATHE_PYTHON := $(CLIENTS)/bin/python

.PHONY: help up build test test-full test-noasm race fuzz torture bench bench-go lint generate verify python

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: build ## build and serve on 127.0.0.1:7411, with a sample the first time
	bin/lathe up --sample

build: ## build bin/lathe
	go build -trimpath -o bin/lathe ./cmd/lathe

test: build python ## all that guards the project: vet, house rules, packages, command line, real clients
	go vet ./...
	go test -timeout 10m ./...
	$(LATHE_PYTHON) clients/run.py --lathe bin/lathe

test-full: FUZZTIME := 8s
test-full: verify race test-noasm torture fuzz ## everything else: generated code, races, no assembly, torture, fuzzing

test-noasm: ## the tests on the pure-Go kernels
	go test -timeout 20m -tags noasm $(PACKAGES)

race: ## the tests with the race detector, which needs a C compiler
	@command -v "$${CC:-gcc}" >/dev/null || { apt-get update -qq && apt-get install -qq -y gcc libc6-dev >/dev/null; } || \
		{ echo "race: needs a C compiler: install gcc, or set CC"; exit 1; }
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 go test -race -timeout 30m $(PACKAGES)

fuzz: ## every fuzz target for FUZZTIME (30s)
	@grep -rEo --include='*_test.go' --exclude-dir=testdata '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file name; do \
		name=$${name#func }; echo "fuzz: $${file%/*} $$name"; \
		go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x "$${file%/*}" </dev/null; \
	done

torture: build ## kill, fill and flip: the slow tests of durability (build tag torture, TestTorture...)
	go test -tags torture -run '^TestTorture' -count 1 -timeout 30m $(PACKAGES)

bench: ## lathe beside its peers in one run; writes bench/results and docs/benchmarks.md
	go run ./bench all

bench-go: ## Go benchmarks of PACKAGES, COUNT (10) times each, in the form that benchstat reads
	go test -run '^$$' -bench . -benchmem -count $(COUNT) -timeout 60m $(PACKAGES)

lint: $(LINT) ## golangci-lint with our reasons, and builds for what we do not run here
	$(LINT) run
	GOOS=darwin GOARCH=arm64 go vet ./...
	GOOS=linux GOARCH=arm64 go vet ./...
	GOOS=darwin GOARCH=arm64 go build ./...
	GOOS=linux GOARCH=arm64 go build ./...
	go vet -tags noasm ./...
	go build -tags noasm ./...
	go vet -C internal/kernel/_gen ./...

generate: ## write the generated files again
	go generate ./...

verify: ## fail when generated files, go.mod or go.sum are not what the sources say
	@before=$$(git status --porcelain && git diff); $(MAKE) --no-print-directory generate; \
	after=$$(git status --porcelain && git diff); \
	if [ "$$before" != "$$after" ]; then git status --short; echo "verify: generated files changed: commit them"; exit 1; fi
	go mod tidy -diff
	go mod verify

python: $(CLIENTS)/ready ## the Python clients that tests use, in the cache

# No ensurepip: some systems ship venv without it.
$(CLIENTS)/ready: $(REQUIREMENTS)
	rm -rf $(CLIENTS)
	python3 -m venv --without-pip $(CLIENTS)
	python3 -m pip --python $(CLIENTS)/bin/python install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	touch $@

$(LINT):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
