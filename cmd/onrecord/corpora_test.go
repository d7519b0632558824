// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
	"onrecord/crawler/feed"
	"onrecord/internal/repotest"
)

// A keeper keeps what a visit records, as a spool would.
type keeper struct{ kept []onrecord.Exchange }

func (k *keeper) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	x.Payload = bytes.Clone(x.Payload)
	k.kept = append(k.kept, x)
	return onrecord.CaptureRef{Object: "captures/test.warc.gz", Offset: int64(len(k.kept)), Length: 1, URL: x.URL, At: x.Done, Status: x.Status}, nil
}

// TestRefusalsLeaveTheirCapture sends every file of two collections of real
// feeds through the real client and door: none is lost, and one that is refused
// is drift, with its bytes on record and a word to the operator.
func TestRefusalsLeaveTheirCapture(t *testing.T) {
	t.Parallel()
	var read, empty, refused int
	for _, set := range []string{"feeds/gofeed-testdata", "feeds/real-feeds"} {
		var list [][]byte
		crawlertest.EachFile(t, repotest.Data(t, set), func(_ string, body []byte) { list = append(list, body) })
		if len(list) < 100 {
			t.Fatalf("%s: only %d files", set, len(list))
		}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
			if err != nil || n >= len(list) {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/xml")
			_, _ = w.Write(list[n])
		}))
		clock := &movedClock{t: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)}
		client, err := crawler.NewClient(crawler.Options{Version: "test", ArchiveURL: "https://archive.example", Contact: "desk@archive.example", Now: clock.now, Sleep: clock.sleep, MinInterval: time.Millisecond, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		if err != nil {
			t.Fatal(err)
		}
		for n := range list {
			rec := new(keeper)
			res, err := client.Visit(t.Context(), crawler.Job{
				Source: "corpus", DoorID: "feed", Door: feed.New(feed.Options{}), Recorder: rec, Budget: crawler.Budget{Requests: 1},
				Target: crawler.Target{Platform: "website", AccountID: "corpus.example", URL: srv.URL + "/" + strconv.Itoa(n)},
			})
			if err != nil {
				t.Fatalf("%s, file %d: %v", set, n, err)
			}
			last := rec.kept[len(rec.kept)-1]
			switch {
			case !bytes.Equal(last.Payload, list[n]):
				t.Errorf("%s, file %d: %d bytes served, %d on record", set, n, len(list[n]), len(last.Payload))
			case res.Outcome == onrecord.OutcomeOK && len(res.Seen[0].Items) > 0:
				read++
			case res.Outcome == onrecord.OutcomeOK:
				empty++
			case res.Outcome == onrecord.OutcomeDrift && len(res.Problems) == 1 && res.Seen[0].Capture.Object != "":
				refused++
			default:
				t.Errorf("%s, file %d: outcome %s, problems %v", set, n, res.Outcome, res.Problems)
			}
		}
		srv.Close()
		client.Close()
	}
	t.Logf("%d read, %d empty, %d refused", read, empty, refused)
	if read < 400 || refused < 700 || empty < 100 {
		t.Errorf("%d read, %d empty, %d refused: not what the door's own table says", read, empty, refused)
	}
}
