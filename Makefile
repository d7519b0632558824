# Two commands matter: `make run` plays a demonstration, `make test` is the gate.
.PHONY: run build test test-long screenshots clean

GO ?= go
# Tests that the race detector would make ten times as long: they
# run without it.
LARGE = TestBrokenAnswers|TestImportsOfRealPosts|TestImportSpeed|TestImportIsKilled|TestRealFeedPolls|TestCorpora|TestEveryPageOfASite|TestBounds|TestCrashTableS3|TestCrashPoints|TestKills|TestExport|TestRepair|TestVerifyNamesAllDamage|TestPartsFindDamage|TestVerifyStaleTiles|TestErasureWhileCopying|TestCrashInErasure|TestThumbsOfLongFiles|TestThumbsWithinLimit|TestNewestAreTakenDown|TestEverythingIsTakenDown|TestSiteMovesItsPages|TestFewDeletionsDoNotFreeze|TestImportOfRepetitions|TestImportOfAReplacedFile|TestEraseAndImport|TestWithheldAndImport|TestDiskFull|TestDemonstration|TestModel|TestBombs|TestRealTexts|TestMoreItemsThanAVisitHolds|TestAFeedLargerThanASegment|TestImportIsOvertaken
LARGEIN = ./archive ./catalog ./cmd/onrecord ./crawler/feed ./crawler/mailbox ./crawler/website ./crawler/x ./thumbnail
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
	$(GO) test -race -shuffle=on -parallel=4 -timeout=60m ./...
	$(GO) test -parallel=4 -timeout=60m -run '^($(LARGE))$$' $(LARGEIN)
	cd archive/ledger/fscktest && $(GO) vet ./... && $(GO) test -timeout=10m ./...
	cd archive/witness/witnesstest && $(GO) vet ./... && $(GO) test -timeout=10m ./...

# What takes too long for the gate, some hours: the large tests with the race
# detector, ten times as many posts, a thousand sources, many more histories.
test-long: test
	ONRECORD_RACE_LARGE=1 $(GO) test -race -timeout=60m -run '^($(LARGE))$$' $(LARGEIN)
	ONRECORD_IMPORT_TEN=1 $(GO) test -timeout=30m -run '^TestImportSpeed$$' -v ./cmd/onrecord
	ONRECORD_SOURCES=1000 $(GO) test -timeout=20m -run '^TestThousandSources$$' -v ./cmd/onrecord
	$(GO) test -timeout=30m ./change -histories=5000
	ONRECORD_LONG=1 $(GO) test -parallel=4 -timeout=40m -run '^(TestS3Misbehaves|TestS3Away|TestS3MisbehavesWhileServing)$$' -v ./archive ./cmd/onrecord
	ONRECORD_LONG=1 $(GO) test -timeout=30m -run '^(TestCrashPoints|TestKills)$$' -v ./cmd/onrecord
	ONRECORD_LONG=1 $(GO) test -timeout=60m -run '^(TestPowerCut|TestPowerCutTakes|TestDiskFull|TestCatalogIsKilled)$$' -v ./cmd/onrecord
	ONRECORD_LONG=1 $(GO) test -timeout=120m -run '^(TestRollBackDrills|TestEveryFraudIsFound)$$' -v ./archive/ledger
	ONRECORD_LONG=1 $(GO) test -timeout=60m -run '^(TestVerifyFindsEveryLie|TestVerifyNamesAllDamage|TestPartsFindDamage|TestErasureWhileCopying|TestReplicaSpeedS3)$$' -v ./archive
	ONRECORD_LONG=1 $(GO) test -timeout=30m -run '^TestDrainThroughASlowStore$$' -v ./cmd/onrecord
	ONRECORD_LONG=1 $(GO) test -timeout=10m -run '^TestBeside$$' -v ./archive/warc

screenshots:
	$(GO) test ./web -run TestScreenshots -update-screenshots

clean:
	rm -rf bin demo
