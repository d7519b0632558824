# Two commands matter: `make run` plays a demonstration, `make test` is the gate.
.PHONY: run build test test-long screenshots clean

GO ?= go
LISTEN ?= 127.0.0.1:8080

build:
	$(GO) build -trimpath -o bin/onrecord ./cmd/onrecord

# Builds, and plays the demonstration; its archive is in ./demo.
run: build
	@bin/onrecord demo --listen $(LISTEN) --dir demo

test:
	@out=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	  if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) test -race -shuffle=on -timeout=15m ./...
	cd archive/ledger/fscktest && $(GO) vet ./... && $(GO) test -timeout=10m ./...

screenshots:
	$(GO) test ./web -run TestScreenshots -update-screenshots

clean:
	rm -rf bin demo
