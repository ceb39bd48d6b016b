KAFKA := internal/kafkatest/kafka.sh
KILLS ?= 100
FUZZTIME ?= 30s

.PHONY: test race lint conformance integration soak fuzz bench cover kafka-up kafka-down

test: ## everything that needs no broker
	go test ./...

race: ## the packages that have goroutines
	go test -race ./internal/worker/... ./internal/store/... ./streams/... ./testkit/... ./examples/...

lint: ## formatting, vet, staticcheck, and the rules of internal/lint
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	go test ./internal/lint

conformance: ## the answers of Kafka Streams
	go test ./internal/conformance -run TestScenarios -v | grep -v -e '--- PASS' -e '=== RUN'

integration: ## the tests on a real Kafka, which they start
	MILLSTREAM_KAFKA=1 go test -count=1 -timeout 20m ./streams/... ./examples/...

soak: ## KILLS kills with -9 on a real Kafka, then once more with lost state directories
	MILLSTREAM_KAFKA=1 MILLSTREAM_KILLS=$(KILLS) go test -count=1 -timeout 3h -run TestKill -v ./examples/ordertotals
	MILLSTREAM_KAFKA=1 MILLSTREAM_KILLS=$(KILLS) MILLSTREAM_LOSE_STATE=1 go test -count=1 -timeout 3h -run TestKill -v ./examples/ordertotals

fuzz: ## each fuzz target for FUZZTIME
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do \
		go test -run xxx -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

bench: ## the benchmarks that need no broker
	go test -run xxx -bench . -benchmem ./state ./testkit

cover:
	go test -coverprofile=cover.out -coverpkg=./... ./... && go tool cover -func=cover.out | tail -1

kafka-up: ## a broker to try things on
	$(KAFKA) up

kafka-down:
	$(KAFKA) down
