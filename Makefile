# Two commands matter: `make run` shows an example archive, `make test` is the gate.
.PHONY: run build test test-long screenshots clean

GO ?= go
LISTEN ?= 127.0.0.1:8080

build:
	$(GO) build -trimpath -o bin/onrecord ./cmd/onrecord

# Builds, makes an example archive in ./example from the captures among the
# repository's own fixtures, and serves it.
run: build
	@sh scripts/example.sh bin/onrecord example $(LISTEN)

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
	rm -rf bin example
