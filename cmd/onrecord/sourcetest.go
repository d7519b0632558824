// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"onrecord"
	"onrecord/archive"
	"onrecord/crawler"
	"onrecord/ingest"
)

// testRequests keeps a test short: it is to show that a door works, not to read
// everything.
const testRequests = 12

func newSourceTest(e *env) *cobra.Command {
	var door string
	cmd := &cobra.Command{
		Use:   "test SOURCE",
		Short: "Visit a source through each of its doors, and record nothing",
		Long: `Visits SOURCE through each of its doors (or the one that --door names) as a crawl
would, and shows what it sees: what robots.txt says, each request and its answer,
the account, the newest statements, and what is wrong. At most 12 requests a door,
no faster than a crawl; a door that a platform asked to wait is left alone. Nothing is
recorded, and no back-off is noted.

Exit status 3 says that a door failed.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runSourceTest(cmd.Context(), e, args[0], door) },
	}
	cmd.Flags().StringVar(&door, "door", "", "only the door with this `ID`")
	return cmd
}

func runSourceTest(ctx context.Context, e *env, id, door string) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	h := e.newHouse(cfg)
	s, err := h.sourceNamed(id)
	if err != nil {
		return err
	}
	doors, err := doorsNamed(s, door)
	if err != nil {
		return err
	}
	// Which account it is, the archive may know; a source can be tested without.
	var state onrecord.SourceState
	if known, err := e.openWith(ctx, cfg, recordOnly); err == nil {
		if st, err := known.archive.State(ctx, s.ID); err == nil {
			state = st
			s.AccountID = cmp.Or(s.AccountID, st.AccountID)
		}
		_ = known.close()
	} else if !errors.Is(err, archive.ErrNoArchive) {
		e.say("note: %v; testing without what the archive knows", err)
	}
	client, err := newClient(e, cfg, crawler.Limits{})
	if err != nil {
		return err
	}
	locks, err := newLocks(cfg.StateDir)
	if err != nil {
		return err
	}
	failed := 0
	for _, d := range doors {
		rep, err := e.testDoorFrom(ctx, client, locks, s, d, state.Doors[d.ID])
		if err != nil {
			return err
		}
		if rep.Failed {
			failed++
		}
		if err := rep.print(e); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &failure{status: exitPartly, err: fmt.Errorf("%d of %d doors of %s failed", failed, len(doors), s.ID)}
	}
	return nil
}

// doorsNamed returns the door of an id, or all.
func doorsNamed(s ingest.Source, id string) ([]ingest.Door, error) {
	if len(s.Doors) == 0 {
		return nil, usagef("source %q has no door: it takes imports only", s.ID)
	}
	if id == "" {
		return s.Doors, nil
	}
	names := make([]string, len(s.Doors))
	for i, d := range s.Doors {
		names[i] = d.ID
	}
	i := slices.Index(names, id)
	if i < 0 {
		return nil, &failure{status: exitUsage, hint: "its doors are " + strings.Join(names, ", "), err: fmt.Errorf("source %s has no door %q", s.ID, id)}
	}
	return s.Doors[i : i+1], nil
}

// testDoor visits a source that was never visited through one door.
func (e *env) testDoor(ctx context.Context, client *crawler.Client, l *locks, s ingest.Source, d ingest.Door) (doorTest, error) {
	return e.testDoorFrom(ctx, client, l, s, d, onrecord.DoorState{})
}

// testDoorFrom visits a source through one door. It asks for whole pages,
// whatever was seen before; the cursor alone goes with it, since it may say more
// of the account than its id does.
func (e *env) testDoorFrom(ctx context.Context, client *crawler.Client, l *locks, s ingest.Source, d ingest.Door, was onrecord.DoorState) (doorTest, error) {
	if now := e.now(); was.Outcome == onrecord.OutcomeRateLimited && was.RetryAt.After(now) && was.RetryAt.Sub(now) <= crawler.MaxRetry {
		return doorTest{
			Source: s.ID, Door: d.ID, Kind: d.Door.Info().Kind, Host: d.Host, Outcome: was.Outcome, Failed: true,
			Newest: []itemTest{}, Requests: []requestTest{},
			Problems: []string{"the platform asked us to wait until " + stamp(was.RetryAt) + "; it was not asked"},
		}, nil
	}
	unlock, err := l.wait(e.stop.soft, s.ID, d.Host, func(msg string) { e.say("%s", msg) })
	if err != nil {
		return doorTest{}, err
	}
	defer unlock()
	e.say("asking %s …", d.Host)
	rec := &notebook{}
	res, err := client.Visit(ctx, crawler.Job{
		Source: s.ID, DoorID: d.ID, Door: d.Door, Recorder: rec, State: onrecord.DoorState{Cursor: was.Cursor, Parser: was.Parser},
		Target: crawler.Target{Platform: s.Platform, AccountID: s.AccountID, Handle: s.Handle, URL: d.URL},
		Budget: crawler.Budget{Requests: testRequests, Time: 2 * time.Minute},
	})
	if err != nil {
		return doorTest{}, fmt.Errorf("door %s: %w", d.ID, err)
	}
	return newDoorTest(s, d, res, rec.list), nil
}

// A notebook is a recorder that keeps nothing but what a request was and how it
// was answered.
type notebook struct{ list []requestTest }

func (n *notebook) Record(_ context.Context, x onrecord.Exchange) (onrecord.CaptureRef, error) {
	sum := sha256.Sum256(x.Payload)
	ref := onrecord.CaptureRef{
		Object: "not recorded", Offset: int64(len(n.list)), Length: int64(len(x.Payload)),
		SHA256: hex.EncodeToString(sum[:]), URL: x.URL, At: x.At, Status: x.Status,
	}
	n.list = append(n.list, requestTest{
		URL: x.URL, Status: x.Status, Failure: x.Failure, Bytes: len(x.Payload), Milliseconds: x.Done.Sub(x.At).Milliseconds(),
	})
	return ref, nil
}

// A requestTest is one request of a test and its answer.
type requestTest struct {
	URL          string           `json:"url"`
	Status       int              `json:"status"`
	Failure      string           `json:"failure,omitempty"`
	Outcome      onrecord.Outcome `json:"outcome,omitempty"` // empty for robots.txt and redirects
	Kind         string           `json:"kind,omitempty"`
	Items        int              `json:"items"`
	Range        *onrecord.Range  `json:"range,omitempty"`
	Bytes        int              `json:"bytes"`
	Milliseconds int64            `json:"ms"`
}

// A doorTest is what a test saw through one door.
type doorTest struct {
	Source   string                      `json:"source"`
	Door     string                      `json:"door"`
	Kind     string                      `json:"kind"`
	Host     string                      `json:"host"`
	Outcome  onrecord.Outcome            `json:"outcome"`
	Failed   bool                        `json:"failed"`
	Robots   string                      `json:"robots"`
	Account  onrecord.AccountObservation `json:"account"`
	Items    int                         `json:"items"`
	Newest   []itemTest                  `json:"newest"`
	More     bool                        `json:"more"` // pages were left
	Requests []requestTest               `json:"requests"`
	Problems []string                    `json:"problems"`
}

// An itemTest is one statement that a test saw.
type itemTest struct {
	NativeID    string     `json:"native_id"`
	URL         string     `json:"url,omitempty"`
	PublishedAt *time.Time `json:"published_at"`
	Published   string     `json:"published,omitempty"` // as claimed, where it is no instant
	Text        string     `json:"text"`                // its beginning
}

func newDoorTest(s ingest.Source, d ingest.Door, res crawler.Result, requests []requestTest) doorTest {
	t := doorTest{
		Source: s.ID, Door: d.ID, Kind: d.Door.Info().Kind, Host: d.Host, Outcome: cmp.Or(res.Outcome, onrecord.OutcomeOK),
		Robots: res.RobotsNote, Account: res.Account, More: res.LeftBacklog, Requests: requests, Problems: []string{}, Newest: []itemTest{},
	}
	items := make(map[string]onrecord.Observation)
	for _, seen := range res.Seen {
		if n := seen.Capture.Offset; n >= 0 && n < int64(len(requests)) {
			q := &requests[n]
			q.Outcome, q.Kind, q.Items = cmp.Or(seen.Outcome, onrecord.OutcomeOK), seen.Kind, len(seen.Items)
			if !seen.Range.IsZero() {
				q.Range = &seen.Range
			}
		}
		if t.Account.IsZero() || seen.Account.ID != "" && s.AccountID != "" && seen.Account.ID != s.AccountID {
			t.Account = seen.Account // what stops a visit
		}
		for _, o := range seen.Items {
			if old, ok := items[o.NativeID]; !ok || old.Partial {
				items[o.NativeID] = o
			}
		}
	}
	t.Items = len(items)
	t.Newest = newest(items, 3)
	for _, p := range res.Problems {
		t.Problems = append(t.Problems, p.Error())
	}
	if other := t.Account.ID; other != "" && s.AccountID != "" && other != s.AccountID {
		t.Problems = append(t.Problems, fmt.Sprintf("the account is %s, and the source is of %s: nothing would be attributed", other, s.AccountID))
		t.Failed = true
	}
	if s.AccountID == "" && t.Account.ID == "" {
		t.Problems = append(t.Problems, "the door does not tell which account it is: give the source an account_id")
		t.Failed = true
	}
	t.Failed = t.Failed || t.Outcome != onrecord.OutcomeOK && t.Outcome != onrecord.OutcomeNotModified
	return t
}

// newest returns the n newest statements by the date that they claim.
func newest(items map[string]onrecord.Observation, n int) []itemTest {
	list := make([]onrecord.Observation, 0, len(items))
	for _, o := range items {
		if o.State == onrecord.ItemLive || o.State == "" {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b onrecord.Observation) int {
		return cmp.Or(b.Published.Compare(a.Published), onrecord.CompareOrder(b.Order, a.Order), cmp.Compare(a.NativeID, b.NativeID))
	})
	out := make([]itemTest, 0, n)
	for _, o := range list[:min(n, len(list))] {
		text := strings.Join(strings.Fields(o.Content.Title+" "+o.Content.Text), " ")
		if r := []rune(text); len(r) > 100 {
			text = string(r[:100]) + "…"
		}
		it := itemTest{NativeID: o.NativeID, URL: o.URL, PublishedAt: orNull(o.Published), Text: text}
		if it.PublishedAt == nil {
			it.Published = o.Content.Published
		}
		out = append(out, it)
	}
	return out
}

// print words the test for a person.
func (t doorTest) print(e *env) error {
	if e.json {
		return e.print(t, "")
	}
	var b strings.Builder
	verdict := "works"
	if t.Failed {
		verdict = "FAILED"
	}
	fmt.Fprintf(&b, "%s  door %s (%s)  %s: %s\n", t.Source, t.Door, t.Host, verdict, t.Outcome)
	fmt.Fprintf(&b, "  robots    %s\n", cmp.Or(t.Robots, "not asked"))
	for _, q := range t.Requests {
		answer := fmt.Sprintf("status %d", q.Status)
		if q.Status == 0 {
			answer = "no answer: " + q.Failure
		}
		fmt.Fprintf(&b, "  request   %s  %s  %d bytes  %d ms", q.URL, answer, q.Bytes, q.Milliseconds)
		if q.Outcome != "" {
			fmt.Fprintf(&b, "  %s  %s", q.Outcome, count(q.Items, "item", "items"))
		}
		if q.Range != nil {
			fmt.Fprintf(&b, "  complete from %s to %s", cmp.Or(q.Range.From, "the first"), cmp.Or(q.Range.To, "the newest"))
		}
		b.WriteByte('\n')
	}
	a := t.Account
	fmt.Fprintf(&b, "  account   id %s  handle %s  name %s  %s\n", cmp.Or(a.ID, "-"), cmp.Or(a.Handle, "-"), cmp.Or(a.Name, "-"), cmp.Or(string(a.State), "state not told"))
	more := ""
	if t.More {
		more = ", and there are more pages"
	}
	fmt.Fprintf(&b, "  items     %d%s\n", t.Items, more)
	for _, it := range t.Newest {
		date := cmp.Or(it.Published, "no date")
		if it.PublishedAt != nil {
			date = stamp(*it.PublishedAt)
		}
		fmt.Fprintf(&b, "            %s  %s\n", date, it.Text)
	}
	for _, p := range t.Problems {
		fmt.Fprintf(&b, "  problem   %s\n", p)
	}
	_, err := fmt.Fprint(e.io.out, plain(b.String()))
	return err
}
