KAFKA    := internal/kafkatest/kafka.sh
BROKERS  ?= 1
COUNT    ?= 20
FUZZTIME ?= 30s
KILLS    ?= 100
SEED     ?= $(shell date +%s)0000
SEEDS    ?= 1000
SIMTIME  ?=
TIME     ?= 10m

.PHONY: test race lint conformance meta metamorphic simulation plants guards fuzz bench costs cover kafka-up kafka-down integration soak storm

test: ## everything that needs no broker
	go test ./...

race: ## the packages that have goroutines
	go test -race -tags invariants ./internal/worker/... ./internal/store/... ./topology/... ./streams/... ./testkit/... ./examples/...

lint: ## formatting, linters, and the rules of internal/lint (`go test ./internal/lint -update`: the API's listing)
	.ci/lint

conformance: ## the answers of Kafka Streams
	go test -count=1 -v -run 'TestScenarios$$' ./internal/conformance | grep -vE '^(=== |\s*--- PASS)'

meta: ## the tests against models, COUNT times, each with a seed of its own
	go test -count=$(COUNT) ./internal/assign ./internal/store ./state
	go test -count=$(COUNT) -run Model ./streams

metamorphic: ## random topologies, for TIME or CASES of them, from SEED
	MILLSTREAM_META_SEED=$(SEED) MILLSTREAM_META_$(if $(CASES),CASES=$(CASES),TIME=$(TIME)) \
		go test -count=1 -timeout 24h -v -run TestMetamorphic ./internal/metamorphic

simulation: ## whole applications in virtual time: SEEDS scripts of faults from SEED (1,000: 10,000 runs), and no longer than SIMTIME for each of ten topologies
	MILLSTREAM_SIM_SEED=$(SEED) MILLSTREAM_SIM_SEEDS=$(SEEDS) MILLSTREAM_SIM_TIME=$(SIMTIME) \
		go test -tags synctests -count=1 -timeout 24h -v ./testkit/cluster | grep -vE '^(=== |\s+--- PASS)'

plants: ## faults that are planted one by one: in how many of SEEDS scripts for each topology the simulation finds them
	MILLSTREAM_PLANTS=1 MILLSTREAM_SIM_SEEDS=$(SEEDS) MILLSTREAM_SIM_TIME=$(SIMTIME) \
		go test -count=1 -timeout 24h -v -run 'TestPlants$$' ./internal/plants

guards: ## what keeps results right, taken out piece by piece: its test must fail
	MILLSTREAM_GUARDS=1 go test -count=1 -timeout 24h -v -run 'TestGuards$$' ./internal/plants

fuzz: ## each fuzz target for FUZZTIME
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
		go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

bench: ## the benchmarks that need no broker
	go test -run '^$$' -bench . -benchmem ./internal/store ./internal/task ./state ./testkit

costs: ## what each operator costs: docs/costs.md
	go test -run '^$$' -bench . -benchtime 100x -count 3 -timeout 1h ./internal/costs | tee /dev/stderr | go run ./internal/costs

cover: ## how much of the code the tests run
	go test -coverprofile=cover.out -coverpkg=./... ./... && go tool cover -func=cover.out | tail -1

kafka-up: ## BROKERS (1 or 3) to try things on
	$(KAFKA) up $(BROKERS)

kafka-down:
	$(KAFKA) down

integration: ## the tests on a real Kafka, which they start
	.ci/integration

soak: ## KILLS kills with SIGKILL on a real Kafka, then as many with lost state directories
	MILLSTREAM_KAFKA=1 MILLSTREAM_KILLS=$(KILLS) \
		go test -count=1 -timeout 3h -run TestKill -v ./examples/ordertotals
	MILLSTREAM_KAFKA=1 MILLSTREAM_KILLS=$(KILLS) MILLSTREAM_LOSE_STATE=1 \
		go test -count=1 -timeout 3h -run TestKill -v ./examples/ordertotals

storm: ## three processes on three brokers of a real Kafka for TIME: kills of both, deployments, lost directories, ...
	MILLSTREAM_KAFKA=1 MILLSTREAM_STORM=$(TIME) MILLSTREAM_SEED=$(SEED) \
		go test -count=1 -timeout 24h -run TestStorm -v ./examples/ordertotals
