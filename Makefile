# The commands of this project. `make` lists them.
.DEFAULT_GOAL := help
SHELL := bash
TOOLS := $(CURDIR)/.cache/bin
GOLANGCI_LINT_VERSION := v2.15.0

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.PHONY: run
run: ## run the whole office on this machine
	go run .

.PHONY: test
test: ## run every test
	go test -timeout 20m ./...

# A stack of its own, because the tests kill its parts.
STACK_DIR := $(or $(TMPDIR),/tmp)/boxoffice-test-stack
STACK_PORT := 31000
ON_DATABASE := ./common/db ./order ./stock ./payment ./tickets ./notify ./cancellation ./inquiry ./presence ./sale ./archive

# $(call on-stack,COMMANDS THAT SET FURTHER FLAGS OF STACK UP,PACKAGES AND FLAGS OF GO TEST)
define on-stack
@set -euo pipefail; flags=(); $(1) \
trap 'go run ./scripts/stack down -purge -dir "$(STACK_DIR)"' EXIT; \
go run ./scripts/stack up -dir "$(STACK_DIR)" -mode java -port-base $(STACK_PORT) -check-interval 1s -check-timeout 1s "$${flags[@]}"; \
eval "$$(go run ./scripts/stack env -test -dir "$(STACK_DIR)")"; \
go test -count=1 -p 1 -timeout 30m $(2)
endef

.PHONY: test-stack
test-stack: ## run the tests on a real RocketMQ and MariaDB (needs Java 17, Maven and mariadb-server)
	$(call on-stack,,$(ON_DATABASE) ./common/mq ./broker ./app)

# MYSQLD is MySQL's own server. Where none is installed, one that Debian's unstable release has is put below TMPDIR.
.PHONY: test-mysql
test-mysql: ## the same on MySQL itself, without the broker's own (needs mmdebstrap and root, or MYSQLD=/path/of/mysqld)
	$(call on-stack,mysqld="$(MYSQLD)"; \
		[ -n "$$mysqld" ] || mysqld=$$(scripts/stack/mysql-root.sh "$(or $(TMPDIR),/tmp)/boxoffice-mysql"); flags=(-mysqld "$$mysqld");,$(or $(PACKAGES),$(ON_DATABASE) ./app))

# Compose's module has replacements of its own, so it is built where its source is.
COMPOSE := github.com/docker/compose/v2@v2.40.3

$(TOOLS)/docker-compose: Makefile
	cd / && go mod download $(COMPOSE)
	cd "$$(go env GOMODCACHE)/$(COMPOSE)" && go build -trimpath -ldflags="-s -w" -o "$(TOOLS)/docker-compose" ./cmd

.PHONY: test-docker
test-docker: ## start docker/compose.yaml for real, sell, and kill each container (needs root, docker.io, mmdebstrap, Maven)
	@set -euo pipefail; export PATH="$(TOOLS):$$PATH:/usr/sbin"; \
	[ "$$(id -u)" = 0 ] && command -v dockerd >/dev/null || { echo "NOT RUN: the test of the docker set, which needs root and docker.io" >&2; exit 0; }; \
	$(MAKE) --no-print-directory "$(TOOLS)/docker-compose" || { echo "NOT RUN: the test of the docker set, for want of compose" >&2; exit 0; }; \
	jars=$$(go run ./scripts/stack jars -dir "$(STACK_DIR)"); \
	mysqld=$$(scripts/stack/mysql-root.sh "$(or $(TMPDIR),/tmp)/boxoffice-mysql"); \
	go run ./scripts/dockertest -jars "$$jars" -mysqld "$$mysqld"

# Kubernetes' own description of its objects, in a Go module: schemas by URL come from a host that not every machine reaches.
KUBERNETES := sigs.k8s.io/kubectl-validate@v0.0.4
KUBERNETES_VERSION := 1.30

.PHONY: manifest-tools
manifest-tools:
	GOBIN="$(TOOLS)" go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
	GOBIN="$(TOOLS)" go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0
	cd / && go mod download $(KUBERNETES)

.PHONY: manifests
manifests: manifest-tools ## check docker/kubernetes against the schemas of Kubernetes, and the unit of systemd
	@set -euo pipefail; \
	described="$$(go env GOMODCACHE)/$(KUBERNETES)/pkg/openapiclient/builtins"; \
	go run ./scripts/schemas -from "$$described/$(KUBERNETES_VERSION)" -to .cache/schemas; \
	for folder in base overlays/example; do \
		"$(TOOLS)/kustomize" build docker/kubernetes/$$folder | \
			"$(TOOLS)/kubeconform" -strict -summary -schema-location '.cache/schemas/{{.ResourceKind}}{{.KindSuffix}}.json'; \
	done; \
	command -v systemd-analyze >/dev/null || { echo "NOT RUN: the check of the unit, for want of systemd-analyze" >&2; exit 0; }; \
	mkdir -p .cache/unit; \
	sed 's#^ExecStart=.*#ExecStart=/bin/true#; s#^User=.*#DynamicUser=yes#' docker/systemd/boxoffice.service >.cache/unit/boxoffice.service; \
	if systemd-analyze verify --man=no .cache/unit/boxoffice.service 2>&1 | grep boxoffice.service:; then exit 1; fi; \
	systemd-analyze security --offline=true --threshold=20 .cache/unit/boxoffice.service | tail -n 1

.PHONY: test-cluster
test-cluster: ## kill and freeze brokers, a database and processes of a cluster while it sells (needs galera-4, haproxy, rsync too)
	go run ./scripts/drill -profile cluster -parts broker,slave,db1,api,order,stock -freeze 10s -for 5m

.PHONY: test-upgrade
test-upgrade: ## sell with the last tagged version beside this one, in both orders (REF=COMMIT for another; two minutes)
	scripts/drill/upgrade/run.sh $(REF)

.PHONY: hostile
hostile: ## a million deliveries of a payment provider that does its worst (about an hour)
	BOXOFFICE_TEST_DELIVERIES=1000000 go test ./app -run TestHostileProvider -v -count=1 -timeout 4h

.PHONY: sim
sim: ## play 1,000 simulated days in which everything fails, and look for a promise that is broken (about half an hour)
	go run ./sim -seeds 1000

.PHONY: kills
kills: ## kill the worker that sends refunds 200 times (about ten minutes)
	BOXOFFICE_TEST_KILLS=200 go test ./app -run TestKillOfTheRefundWorker -v -count=1 -timeout 1h

.PHONY: linear
linear: ## judge 500 histories of 2,000 requests at two processes (some hours)
	BOXOFFICE_TEST_HISTORIES=500 BOXOFFICE_TEST_OPERATIONS=2000 go test ./app -run TestRequestsAreLinearizable -v -count=1 -timeout 12h

SOAK_TIME := 8h

.PHONY: soak
soak: ## sell for SOAK_TIME, 8 hours, and compare what it takes of the machine early and late
	BOXOFFICE_TEST_SOAK=$(SOAK_TIME) go test ./app -run TestSoak -v -count=1 -timeout 24h

.PHONY: drill
drill: ## kill the office a thousand times, at every step of a purchase and at random instants, and cut its databases off (half an hour)
	go run ./scripts/drill -profile process -kills 1000

.PHONY: cuts
cuts: ## cut a connection of the office to its databases before and after each statement (40 minutes)
	go run ./scripts/drill -profile process -statements

.PHONY: streams
streams: ## what 9,000 open pages cost: memory, time to the screen, purchases beside them
	BOXOFFICE_TEST_STREAMS=9000 go test ./app -run TestWhatStreamsCost -v -count=1 -timeout 20m

.PHONY: damage
damage: ## cut the broker's log at every byte of its last 256 KiB, and flip 50,000 bits of it (about ten minutes)
	BOXOFFICE_TEST_CUTS=262144 BOXOFFICE_TEST_FLIPS=50000 go test ./broker/internal/commitlog -run Anywhere -v -count=1 -timeout 2h
	BOXOFFICE_TEST_FLIPS=2000 go test ./broker -run Anywhere -v -count=1 -timeout 1h

FUZZ_TIME := 30m

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZ_TIME on one core, 30 minutes (together about seven hours)
	@set -euo pipefail; \
	for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z]*' $$dir/*_test.go | cut -c6-); do \
			echo "$$dir $$target"; \
			go test "$$dir" -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZ_TIME) -fuzzminimizetime 200x -parallel 1; \
		done; \
	done

.PHONY: test-schema
test-schema: ## hold a running office against api/openapi.yaml for three minutes, with requests of schemathesis (needs python3)
	.ci/schema

.PHONY: bench
bench: ## measure ours against the usual designs, side by side, in about a minute
	go run ./scripts/bench -quick

.PHONY: bench-compare
bench-compare: ## measure the commit REF and the working tree in turns, and fail where a ratio is worse by more than its noise
	scripts/bench/between.sh $(or $(REF),$(error say which commit: REF=...)) $(TIMES)

.PHONY: race
race: ## run the tests under the race detector, but for those that start the client's push consumer (it races by itself)
	go test -race -timeout 20m ./...

.PHONY: format
format: ## format the code
	gofmt -w .

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## check format, vet and lint
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	$(TOOLS)/golangci-lint run ./...

.PHONY: check
check: lint test race ## everything that a commit must pass

$(TOOLS)/golangci-lint: Makefile
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@touch $@
