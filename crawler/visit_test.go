// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/crawler"
)

func TestVisitReadsPagesInOrder(t *testing.T) {
	s := newSite(t, map[string]any{
		"/lookup": listing{Account: "42", State: "live"},
		"/page":   listing{Account: "42", IDs: []string{"9", "8"}, Next: []string{"/older"}, Follow: []string{"/article"}, Cursor: "9"},
		"/older":  listing{IDs: []string{"7"}},
		// An article is read before older pages are.
		"/article": listing{IDs: []string{"8a"}},
	})
	r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{Platform: "mastodon", Handle: "jane"}})
	want := []string{"200 /lookup", "200 /page", "200 /article", "200 /older"}
	if d := cmp.Diff(want, rec.urls()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"9", "8", "8a", "7"}, ids(r)); d != "" {
		t.Errorf("items (-want +got):\n%s", d)
	}
	if r.Outcome != onrecord.OutcomeOK || r.State.Cursor != "9" || r.Requests != 4 || r.LeftBacklog || r.AllFailed {
		t.Errorf("result %+v", r)
	}
	if r.Account.ID != "42" || r.Seen[0].Account.State != onrecord.AccountLive {
		t.Errorf("account %+v", r.Account)
	}
	if len(r.Problems) != 0 {
		t.Errorf("problems %v", r.Problems)
	}
	if !strings.HasPrefix(r.RobotsNote, "allowed by http://127.0.0.1:") {
		t.Errorf("robots note %q", r.RobotsNote)
	}
}

func TestRecordComesBeforeRead(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42", IDs: []string{"1"}}})
	reads := 0
	disk := errors.New("disk is full")
	rec := &tape{before: func(x onrecord.Exchange) error {
		if strings.HasSuffix(x.URL, "/page") {
			if reads != 0 {
				t.Error("read before recorded")
			}
			return disk
		}
		return nil
	}}
	_, err := newClient(t, newClock()).Visit(t.Context(), crawler.Job{Source: "masto", DoorID: "api",
		Door: jsonDoor{base: s.URL, reads: &reads}, Target: crawler.Target{AccountID: "42"}, Recorder: rec})
	if !errors.Is(err, disk) || !strings.Contains(err.Error(), "visit masto: ") {
		t.Errorf("error %v", err)
	}
	if reads != 0 {
		t.Errorf("%d answers were read that could not be recorded", reads)
	}
}

func TestConditionalRequests(t *testing.T) {
	s := newSite(t, map[string]any{"/page": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Last-Modified", "Sun, 01 Mar 2026 09:00:00 GMT")
		if r.Header.Get("If-None-Match") == `"v1"` && r.Header.Get("If-Modified-Since") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write([]byte(`{"account":"42","ids":["1"]}`))
	}})
	c := newClient(t, newClock())
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}}
	first, _ := visit(t, c, j)
	j.State = first.Kept()
	v := j.State.Validators[s.URL+"/page"]
	if v.ETag != `"v1"` || v.LastModified == "" || len(v.Digest) != 64 || v.KeptDigest != v.Digest || v.KeptAt.IsZero() {
		t.Fatalf("validator %+v", v)
	}
	second, rec := visit(t, c, j)
	if second.Outcome != onrecord.OutcomeOK || second.Seen[0].Outcome != onrecord.OutcomeNotModified {
		t.Errorf("second visit %+v", second)
	}
	if x := rec.entries[len(rec.entries)-1].Exchange; x.Status != 304 || x.Prior == nil || x.Prior.Digest != v.Digest || !x.Prior.At.Equal(v.KeptAt) {
		t.Errorf("exchange %+v", x)
	}
	if d := cmp.Diff(j.State, second.Kept()); d != "" {
		t.Errorf("a 304 changes the state (-before +after):\n%s", d)
	}
	// What another parser read stands for nothing.
	j.Door = jsonDoor{base: s.URL, parser: "json/2"}
	if r, _ := visit(t, c, j); r.Seen[0].Outcome != onrecord.OutcomeOK {
		t.Errorf("with another parser: %+v", r.Seen[0])
	}
}

// A page whose details failed must be read again in full: a 304 would hide
// what it names for good.
func TestNoValidatorWhileDetailsAreMissing(t *testing.T) {
	s := newSite(t, map[string]any{
		"/page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			_, _ = w.Write([]byte(`{"account":"42","follow":["/a"]}`))
		},
		"/a": 503,
	})
	r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
	if v := r.State.Validators[s.URL+"/page"]; v.ETag != "" || v.Digest == "" {
		t.Errorf("validator %+v", v)
	}
	if r.Outcome != onrecord.OutcomeOK || r.Seen[1].Outcome != onrecord.OutcomeOutage {
		t.Errorf("result %+v", r)
	}
}

func TestBudgetLeavesBacklog(t *testing.T) {
	pages := map[string]any{"/page": listing{Account: "42", IDs: []string{"p"}, Next: []string{"/n/0"}, Cursor: "p"}}
	for i := range 40 {
		pages[fmt.Sprintf("/n/%d", i)] = listing{IDs: []string{fmt.Sprint(i)}, Next: []string{fmt.Sprintf("/n/%d", i+1)}}
	}
	pages["/n/40"] = listing{IDs: []string{"end"}}
	s := newSite(t, pages)
	c := newClient(t, newClock())
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, Budget: crawler.Budget{Requests: 16}}
	var all []string
	for n := 1; ; n++ {
		r, _ := visit(t, c, j)
		all = append(all, ids(r)...)
		j.State = r.State
		if r.Requests > 16 {
			t.Fatalf("visit %d made %d requests", n, r.Requests)
		}
		if !r.LeftBacklog {
			break
		}
		if n == 10 {
			t.Fatal("the backlog never ends")
		}
	}
	if !slices.Contains(all, "end") || len(all) != 41+3 {
		t.Errorf("%d items: %v", len(all), all)
	}
}

func TestBacklogIsBounded(t *testing.T) {
	var follow []string
	for i := range 100 {
		follow = append(follow, fmt.Sprintf("/a/%d", i))
	}
	s := newSite(t, map[string]any{"/page": listing{Account: "42", Follow: follow, Next: []string{"/older"}}})
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, Budget: crawler.Budget{Requests: 1}}
	r, _ := visit(t, newClient(t, newClock()), j)
	if len(r.State.Backlog) != 16 || r.State.Backlog[0].URL != s.URL+"/older" || !r.LeftBacklog || r.Dropped != 85 {
		t.Errorf("%d in the backlog, first %+v, %d dropped", len(r.State.Backlog), r.State.Backlog[0], r.Dropped)
	}
	b := r.State.Backlog[1]
	if b.About.NativeID != "/a/0" || !b.IfNew {
		t.Errorf("a backlog entry forgets its request: %+v", b)
	}
}

func TestLooks(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42", IDs: []string{"3"}}, "/s/3": listing{IDs: []string{"3"}}})
	c := newClient(t, newClock())
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"},
		Looks: []onrecord.Ref{{NativeID: "1"}, {NativeID: "2"}}, Canary: onrecord.Ref{NativeID: "3"}}
	r, _ := visit(t, c, j)
	var got []string
	for _, s := range r.Seen {
		got = append(got, s.Kind+" "+s.About.NativeID)
	}
	if d := cmp.Diff([]string{"page ", "look 1", "look 2", "canary 3"}, got); d != "" {
		t.Errorf("seen (-want +got):\n%s", d)
	}
	j.Looks = nil
	if r, _ := visit(t, c, j); len(r.Seen) != 1 {
		t.Errorf("a canary without looks: %+v", r.Seen)
	}
}

func TestIfNewIsDroppedWhenKnown(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "42", Follow: []string{"/old", "/new"}}, "/new": listing{IDs: []string{"n"}}})
	_, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"},
		Known: func(r onrecord.Ref) bool { return r.NativeID == "/old" }})
	if d := cmp.Diff([]string{"200 /page", "200 /new"}, rec.urls()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}

func TestDriftAndPanicAreDrift(t *testing.T) {
	for name, body := range map[string]string{"drift": "<html>", "panic": `{"panic":"index out of range"}`} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]any{"/page": body})
			j := crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, State: onrecord.DoorState{Cursor: "old", Fails: 2}}
			r, _ := visit(t, newClient(t, newClock()), j)
			if r.Outcome != onrecord.OutcomeDrift || r.Seen[0].Outcome != onrecord.OutcomeDrift || len(r.Seen[0].Items) != 0 {
				t.Errorf("result %+v", r)
			}
			if len(r.Problems) != 1 || !errors.Is(r.Problems[0], crawler.ErrDrift) {
				t.Fatalf("problems %v", r.Problems)
			}
			for _, want := range []string{"door api", s.URL + "/page", "captures/test.warc.gz at 1"} {
				if !strings.Contains(r.Problems[0].Error(), want) {
					t.Errorf("problem %q does not name %q", r.Problems[0], want)
				}
			}
			if r.State.Cursor != "old" || r.State.Fails != 3 || !r.State.RetryAt.After(r.Ended) {
				t.Errorf("state %+v", r.State)
			}
		})
	}
}

func TestAnotherAccountStopsEverything(t *testing.T) {
	s := newSite(t, map[string]any{"/page": listing{Account: "43", IDs: []string{"1"}, Next: []string{"/older"}, Follow: []string{"/a"}, Cursor: "1"}})
	r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"},
		State: onrecord.DoorState{Cursor: "0"}, Looks: []onrecord.Ref{{NativeID: "5"}}})
	if len(rec.urls()) != 1 || r.State.Cursor != "0" || r.LeftBacklog || r.Seen[0].Account.ID != "43" {
		t.Errorf("requests %v, result %+v", rec.urls(), r)
	}
}

// The first id that a visit is told stays; another one after it is seen, but
// the visit never takes it for its account's.
func TestFirstAccountStays(t *testing.T) {
	s := newSite(t, map[string]any{
		"/lookup": listing{Account: "42"},
		"/page":   listing{Account: "42", IDs: []string{"2"}, Next: []string{"/b", "/c", "/d"}},
		"/b":      listing{State: "live", IDs: []string{"3"}},
		"/c":      listing{Account: "43", IDs: []string{"1"}},
		"/d":      listing{Account: "43"},
	})
	r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}})
	if r.Account.ID != "42" || r.Account.State != "live" {
		t.Errorf("account %+v, want 42, live", r.Account)
	}
	if n := len(r.Seen); n != 4 || r.Seen[2].Account.ID != "" || r.Seen[3].Account.ID != "43" {
		t.Errorf("requests %v, seen %+v", rec.urls(), r.Seen)
	}
}

func TestChainsThatLeadNowhere(t *testing.T) {
	calendar := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"account":"42","ids":["1"],"next":["/page?month=%s1"]}`, r.URL.Query().Get("month"))
	}
	loop := listing{Account: "42", IDs: []string{"1"}, Next: []string{"/page", "/page"}}
	for name, tc := range map[string]struct {
		page any
		max  int
	}{"calendar": {calendar, 4}, "loop": {loop, 2}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]any{"/page": tc.page})
			r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
			if r.Requests > tc.max {
				t.Errorf("%d requests", r.Requests)
			}
		})
	}
}

func TestCancelKeepsWhatWasSeen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newSite(t, map[string]any{
		"/page": listing{Account: "42", IDs: []string{"1"}, Next: []string{"/older"}, Cursor: "1"},
		"/older": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
		},
	})
	rec := &tape{}
	j := crawler.Job{Source: "s", DoorID: "api", Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, Recorder: rec}
	r, err := newClient(t, newClock()).Visit(ctx, j)
	if !errors.Is(err, context.Canceled) || len(r.Seen) != 1 {
		t.Errorf("%v, %+v", err, r)
	}
	if u := rec.urls(); len(u) != 2 {
		t.Fatalf("recorded %v", u)
	}
	// The spool that is left makes a visit that says what it lacks.
	j.Started = r.Started
	again, err := crawler.Replay(t.Context(), j, crawler.Limits{}, rec.all())
	if err != nil || !again.Cut || !again.LeftBacklog || len(again.Seen) != 1 || again.Outcome != onrecord.OutcomeOK {
		t.Errorf("%v, %+v", err, again)
	}
}

// A record that ends anywhere gives a visit that never claims more than the
// record shows.
func TestReplayOfEveryPrefix(t *testing.T) {
	s := newSite(t, map[string]any{
		"/lookup": listing{Account: "42"},
		"/page":   listing{IDs: []string{"9"}, Next: []string{"/older"}, Follow: []string{"/a"}, Cursor: "9"},
		"/older":  listing{IDs: []string{"7"}},
		"/a":      listing{IDs: []string{"8"}},
	})
	j := crawler.Job{Door: jsonDoor{base: s.URL}, Looks: []onrecord.Ref{{NativeID: "1"}}}
	whole, rec := visit(t, newClient(t, newClock()), j)
	j.Started = whole.Started
	for n := range rec.entries {
		cut := &tape{entries: rec.entries[:n]}
		r, err := crawler.Replay(t.Context(), j, crawler.Limits{}, cut.all())
		if err != nil {
			t.Fatal(err)
		}
		if !r.Cut || len(r.Seen) >= len(whole.Seen) || !reflect.DeepEqual(r.Seen, whole.Seen[:len(r.Seen)]) && len(r.Seen) > 0 {
			t.Errorf("after %d entries: %+v", n, r)
		}
		if len(r.Seen) == 0 && !cmp.Equal(r.State, j.State) {
			t.Errorf("after %d entries the state has moved to %+v", n, r.State)
		}
		if len(r.Seen) < 2 && r.State.Cursor != "" {
			t.Errorf("after %d entries the cursor has moved to %q", n, r.State.Cursor)
		}
	}
}

// A date of this very second may stand for two wordings; it is no validator.
func TestFreshLastModifiedIsNoValidator(t *testing.T) {
	date := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for age, want := range map[time.Duration]bool{0: false, time.Second: false, 2 * time.Second: true, -time.Hour: false} {
		s := newSite(t, map[string]any{"/page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", date.Format(http.TimeFormat))
			w.Header().Set("Last-Modified", date.Add(-age).Format(http.TimeFormat))
			_, _ = w.Write([]byte(`{"account":"42"}`))
		}})
		r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
		if got := r.State.Validators[s.URL+"/page"].LastModified != ""; got != want {
			t.Errorf("modified %s before the answer: validator kept: %t", age, got)
		}
	}
}

// What fails out of the backlog waits behind what was never tried, and what
// can't be read is not asked for for ever.
func TestFailuresDoNotClogTheBacklog(t *testing.T) {
	pages := map[string]any{"/page": listing{Account: "42", IDs: []string{"p"}}}
	var state onrecord.DoorState
	want := map[string]bool{}
	for i := range 16 {
		path := fmt.Sprintf("/old/%d", i)
		b := onrecord.Backlog{Kind: "item", IfNew: true}
		switch {
		case i < 8:
			pages[path] = "<html>" // drift
		case i < 12:
			pages[path], want[path] = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "9")
				_, _ = w.Write([]byte("{"))
			}, true
		default:
			b.Kind, b.IfNew = "page", false
			pages[path], want[path] = "<html>", true
		}
		state.Backlog = append(state.Backlog, b)
	}
	s := newSite(t, pages)
	for i := range state.Backlog {
		state.Backlog[i].URL = fmt.Sprintf("%s/old/%d", s.URL, i)
	}
	r, _ := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, State: state})
	got := map[string]bool{}
	for _, b := range r.State.Backlog {
		got[strings.TrimPrefix(b.URL, s.URL)] = true
	}
	if d := cmp.Diff(want, got); d != "" || r.Outcome != onrecord.OutcomeOK || len(r.Problems) != 16 {
		t.Errorf("%s, %d problems; backlog (-want +got):\n%s", r.Outcome, len(r.Problems), d)
	}
	// With room for one more request only, the untried come first.
	r, _ = visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}, State: state,
		Budget: crawler.Budget{Requests: 10}})
	if b := r.State.Backlog[0].URL; !strings.HasSuffix(b, "/old/12") && !strings.HasSuffix(b, "/old/13") {
		t.Errorf("first in the backlog: %s", b)
	}
}
