# Drawbridge. `make` lists the targets.

GO          ?= go
TOOL        := $(GO) tool -modfile=tools/go.mod
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS     := -s -w -X github.com/drawbridge-gitops/drawbridge/internal/cli.Version=$(VERSION)
TESTFLAGS   ?=

.DEFAULT_GOAL := help
.PHONY: help build controlplane operators clients demo demo-cdk test test-short lint generate bench clean FORCE

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build controlplane ## Tell the story in a sandbox: one commit, both planes
	@bin/drawbridge-sandbox demo

demo-cdk: build controlplane clients ## The same with a CDK app in Python (needs node, npm and python3)
	@bin/drawbridge-sandbox demo --example ghost-cdk --cdk bin/clients/node/node_modules/.bin/cdk

test: controlplane ## Run every test, the real control plane and AWS's own clients included
	-@$(MAKE) --no-print-directory clients # tests say what they skip without them
	$(GO) test $(TESTFLAGS) -timeout 30m ./...

test-short: ## Run the tests that need no control plane and take seconds
	$(GO) test -short $(TESTFLAGS) ./...

bench: build controlplane ## Measure speed and memory beside a floor measured in the same run
	$(GO) run ./bench

lint: ## Formatting, vet, staticcheck, and that generated files are current
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not formatted: run gofmt -w on:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(GO) mod tidy -diff
	@$(MAKE) --no-print-directory generate
	@git diff --exit-code -- api docs || { echo "generated files are not current: commit what 'make generate' made"; exit 1; }

generate: ## Make the generated files again: deep copies, CRDs, reference pages
	$(TOOL) controller-gen object paths=./api/... crd:generateEmbeddedObjectMeta=false output:crd:dir=api/crds
	$(GO) generate ./internal/component ./internal/cli ./sandbox/command ./test/reference

build: bin/drawbridge bin/drawbridge-sandbox ## Build the two programs into bin/

# Go's own cache decides what there is to do.
bin/%: FORCE
	@echo "building $@ (minutes the first time, then a moment)"
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/$*

controlplane: ## Build the sandbox's Kubernetes into bin/controlplane (four minutes, once)
	@$(GO) run ./sandbox/parts/build kubernetes

operators: ## Build the operators that the sandbox can run into bin/operators (nine minutes, once)
	@$(GO) run ./sandbox/parts/build external-secrets external-dns aws-load-balancer-controller

clients: ## Install the AWS CLI and the CDK CLI for tests into bin/clients (a minute, once)
	@$(GO) run ./test/clients/install

clean: ## Remove bin/ and the sandbox's state
	rm -rf bin .drawbridge .drawbridge-demo

FORCE:
