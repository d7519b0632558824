// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mastodon_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/fake"
	"onrecord/crawler/mastodon"
)

// scenes is how many scenes life.txtar has.
const scenes = 17

// A tape is a recorder that keeps nothing.
type tape struct{ n int64 }

func (t *tape) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	t.n++
	return onrecord.CaptureRef{Object: "captures/test.warc.gz", Offset: t.n, Length: 1, URL: x.URL, At: x.At, Status: x.Status}, nil
}

// A visitor visits a fake server by a clock of its own.
type visitor struct {
	platform *fake.Platform
	client   *crawler.Client
	job      crawler.Job
	now      time.Time
	host     string
}

func newVisitor(t *testing.T, script []byte) *visitor {
	t.Helper()
	p, err := fake.New(script)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	v := &visitor{platform: p, now: time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC), host: strings.TrimPrefix(srv.URL, "http://")}
	v.client, err = crawler.NewClient(crawler.Options{
		Version: "test", ArchiveURL: "https://archive.example", Contact: "desk@archive.example",
		Now:   func() time.Time { return v.now },
		Sleep: func(_ context.Context, d time.Duration) error { v.now = v.now.Add(d); return nil },
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MinInterval: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	door, err := crawler.Elsewhere(mastodon.New(mastodon.Options{}), srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	v.job = crawler.Job{Source: "masto", DoorID: "api", Door: door, Recorder: &tape{}, Target: target}
	return v
}

// visit makes a visit two days after the one before.
func (v *visitor) visit(t *testing.T) crawler.Result {
	t.Helper()
	v.now = v.now.Add(48 * time.Hour)
	res, err := v.client.Visit(t.Context(), v.job)
	if err != nil {
		t.Fatal(err)
	}
	v.job.State, v.job.Target.AccountID = res.State, actor
	return res
}

// TestLife visits an account through everything that its server may answer, and
// compares what the visits return with the golden.
func TestLife(t *testing.T) {
	v := newVisitor(t, fixture(t, "life.txtar"))
	ref := func(id string) onrecord.Ref { return onrecord.Ref{NativeID: actor + "/statuses/" + id, ID: id} }
	var out bytes.Buffer
	for scene := range scenes {
		v.platform.SetScene(scene)
		v.job.Looks, v.job.Canary = nil, onrecord.Ref{}
		if scene >= 2 {
			v.job.Looks, v.job.Canary = []onrecord.Ref{ref("117047505715200001")}, ref("117030518784000001")
		}
		tell(&out, scene, v.visit(t), v.host)
	}
	golden(t, "testdata/life.golden", out.Bytes())
}

// tell writes what a visit returned, without what changes from run to run.
func tell(out *bytes.Buffer, scene int, res crawler.Result, host string) {
	fmt.Fprintf(out, "scene %d: %s, account %s %q, %d requests, backlog %d, cursor %s\n", scene, res.Outcome, res.Account.State, res.Account.ID, res.Requests, len(res.State.Backlog), res.State.Cursor)
	for _, s := range res.Seen {
		fmt.Fprintf(out, "  %s %s %s", s.Kind, s.Outcome, s.Capture.URL[strings.Index(s.Capture.URL, host)+len(host):])
		if a := s.Account; a.ID != "" && a.ID != actor {
			fmt.Fprintf(out, ", another account: %s %s", a.ID, a.Name)
		} else if a.State != "" {
			fmt.Fprintf(out, ", account %s %s%s", a.State, a.Code, a.MovedTo)
		}
		if r := s.Range; !r.IsZero() {
			fmt.Fprintf(out, ", range %q %t to %q %t", r.From, r.FromIn, r.To, r.ToIn)
		}
		fmt.Fprintln(out)
		for _, o := range s.Items {
			fmt.Fprintf(out, "    %s %s %s %s %q", strings.TrimPrefix(o.NativeID, actor+"/statuses/"), o.State, o.Code, o.Content.Type, o.Content.Text)
			if !o.Changed.IsZero() {
				fmt.Fprintf(out, " changed %s", o.Changed.Format(time.RFC3339Nano))
			}
			fmt.Fprintln(out)
		}
	}
	for _, err := range res.Problems {
		fmt.Fprintf(out, "  problem: %s\n", strings.ReplaceAll(err.Error(), host, "HOST"))
	}
}

// TestHistoryIsAskedForAgain: a history that failed is not forgotten, though
// the page that named it names it no more.
func TestHistoryIsAskedForAgain(t *testing.T) {
	script := `One status that was edited; its history fails once.
-- GET /api/v1/accounts/lookup?acct=jane --
Content-Type: application/json

` + string(fixture(t, "lookup.json")) + `
-- GET /api/v1/accounts/109999999999999999/statuses?limit=40 --
Content-Type: application/json

[` + string(fixture(t, "look.json")) + `]
-- GET /api/v1/statuses/117126778060800001/history --
status 502

-- GET /api/v1/statuses/117126778060800001/history --
Content-Type: application/json

` + string(fixture(t, "history.json"))
	v := newVisitor(t, []byte(script))
	var wordings []int
	for range 4 {
		res := v.visit(t)
		n := 0
		for _, s := range res.Seen {
			if s.Kind == "history" {
				n += len(s.Items)
			}
		}
		wordings = append(wordings, n)
	}
	if got := v.platform.Count("GET /api/v1/statuses/117126778060800001/history"); got != 2 || fmt.Sprint(wordings) != "[0 3 0 0]" {
		t.Errorf("the history was asked for %d times and told %v wordings; want 2 and [0 3 0 0]", got, wordings)
	}
}

// TestNotModified: a page that stands costs no payload; the account is looked
// up all the same.
func TestNotModified(t *testing.T) {
	v := newVisitor(t, fixture(t, "life.txtar"))
	v.visit(t)
	res := v.visit(t)
	if len(res.Seen) != 2 || res.Seen[0].Account.State != onrecord.AccountLive || res.Seen[1].Outcome != onrecord.OutcomeNotModified || res.Outcome != onrecord.OutcomeOK {
		t.Errorf("second visit: %s, %+v", res.Outcome, res.Seen)
	}
}

// TestLongHistory reads more statuses than one visit has requests for: the rest
// is read by later visits, and nothing twice.
func TestLongHistory(t *testing.T) {
	const pages, size = 12, 40
	var script strings.Builder
	script.WriteString("A long history.\n-- GET /api/v1/accounts/lookup?acct=jane --\n\n" + string(fixture(t, "lookup.json")))
	for p := range pages + 1 {
		query := ""
		if p > 0 {
			query = fmt.Sprintf("&max_id=%d", 100000-p*size+1)
		}
		fmt.Fprintf(&script, "-- GET /api/v1/accounts/%s/statuses?limit=40%s --\nContent-Type: application/json\n\n", local, query)
		if p == pages {
			script.WriteString("[]\n")
		} else {
			script.Write(append(statuses(falling(100000-p*size, size)...), '\n'))
		}
	}
	v := newVisitor(t, []byte(script.String()))
	v.job.Budget.Requests = 6
	seen := map[string]int{}
	for n := 1; n <= 8; n++ {
		res := v.visit(t)
		for _, s := range res.Seen {
			for _, o := range s.Items {
				seen[o.NativeID]++
			}
		}
		if !res.LeftBacklog {
			break
		}
	}
	if len(seen) != pages*size || len(v.job.State.Backlog) != 0 {
		t.Errorf("%d statuses of %d, backlog %d", len(seen), pages*size, len(v.job.State.Backlog))
	}
	for id, n := range seen {
		if n > 1 && n != seen[actor+"/statuses/100000"] {
			t.Errorf("%s was read %d times", id, n)
		}
	}
}
