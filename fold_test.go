// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"onrecord"
)

var t0 = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// event is a first-hand event of statement "s" that was observed some minutes
// after t0 and stands at the ledger index.
func event(typ onrecord.EventType, minutes int, index int64) onrecord.Event {
	at := t0.Add(time.Duration(minutes) * time.Minute)
	return onrecord.Event{
		Type: typ, Statement: "s", NativeID: "17", Order: "17", Source: "masto", Door: "api", Parser: "api/1",
		At: at, By: at, Provenance: onrecord.Captured, Index: index, Prev: -1,
	}
}

func wording(typ onrecord.EventType, minutes int, index int64, version onrecord.VersionID) onrecord.Event {
	e := event(typ, minutes, index)
	e.Version = version
	return e
}

func look(minutes int, index int64, found onrecord.LookResult) onrecord.Event {
	e := event(onrecord.StatementLooked, minutes, index)
	e.Look = found
	return e
}

func deletion(minutes int, index int64, g onrecord.Grade) onrecord.Event {
	e := event(onrecord.StatementDeleted, minutes, index)
	e.Grade, e.Look = g, onrecord.LookGone
	return e
}

func run(from, until int, index int64, r onrecord.Run) onrecord.Event {
	e := event(onrecord.SourceLooked, until, index)
	e.Statement, e.NativeID, e.Order = "", "", ""
	r.Door, r.Parser = e.Door, e.Parser
	r.From, r.Until = t0.Add(time.Duration(from)*time.Minute), e.At
	e.Run = &r
	return e
}

func reported(e onrecord.Event) onrecord.Event {
	e.Provenance, e.Source, e.Door, e.Parser = onrecord.Imported, "dump", "file", "file/1"
	return e
}

// in makes e a decision in a case.
func in(number string, e onrecord.Event) onrecord.Event {
	e.Takedown = &onrecord.Takedown{Case: number}
	return e
}

func TestKnownApply(t *testing.T) {
	all := onrecord.Range{FromIn: true, ToIn: true}
	created := wording(onrecord.StatementCreated, 0, 2, "aaa")
	for _, tt := range []struct {
		name    string
		events  []onrecord.Event
		state   onrecord.State
		version onrecord.VersionID
		seen    int // minutes after t0; -1 for never
	}{
		{"created", []onrecord.Event{created}, onrecord.StateLive, "aaa", 0},
		{"edited", []onrecord.Event{created, wording(onrecord.StatementEdited, 5, 4, "bbb")}, onrecord.StateLive, "bbb", 5},
		{"seen otherwise by another door moves nothing", []onrecord.Event{created, wording(onrecord.StatementSeen, 5, 4, "bbb")}, onrecord.StateLive, "aaa", 5},
		{"an edit recorded late is of its own time", []onrecord.Event{
			created, wording(onrecord.StatementEdited, 9, 4, "ccc"), wording(onrecord.StatementEdited, 5, 6, "bbb"),
		}, onrecord.StateLive, "ccc", 9},
		{"seen in a range", []onrecord.Event{created, run(5, 9, 4, onrecord.Run{Base: 2, Range: all})}, onrecord.StateLive, "aaa", 9},
		{"excepted from a range", []onrecord.Event{
			created, run(5, 9, 4, onrecord.Run{Base: 2, Range: all, Except: []onrecord.StatementID{"s"}}),
		}, onrecord.StateLive, "aaa", 0},
		{"not known at the base of a range", []onrecord.Event{created, run(5, 9, 4, onrecord.Run{Base: 1, Range: all})}, onrecord.StateLive, "aaa", 0},
		{"seen by name", []onrecord.Event{created, run(5, 9, 4, onrecord.Run{Base: 1, Seen: []onrecord.StatementID{"s"}})}, onrecord.StateLive, "aaa", 9},
		{"a mirror's run is no sighting", []onrecord.Event{
			created, run(5, 9, 4, onrecord.Run{Base: 2, Range: all, Provenance: onrecord.Mirrored}),
		}, onrecord.StateLive, "aaa", 0},
		{"absent", []onrecord.Event{created, look(5, 4, onrecord.LookAbsent)}, onrecord.StateUnconfirmed, "aaa", 0},
		{"absent and seen again", []onrecord.Event{created, look(5, 4, onrecord.LookAbsent), look(6, 6, onrecord.LookLive)}, onrecord.StateLive, "aaa", 6},
		{"unclear", []onrecord.Event{created, look(5, 4, onrecord.LookUnclear)}, onrecord.StateLive, "aaa", 0},
		{"gone once", []onrecord.Event{created, look(5, 4, onrecord.LookGone)}, onrecord.StateUnconfirmed, "aaa", 0},
		{"deleted", []onrecord.Event{created, look(5, 4, onrecord.LookGone), deletion(15, 6, onrecord.GradeD2)}, onrecord.StateDeleted, "aaa", 0},
		{"restored", []onrecord.Event{
			created, deletion(15, 4, onrecord.GradeD2), event(onrecord.StatementRestored, 30, 6),
		}, onrecord.StateRestored, "aaa", 30},
		{"deleted again", []onrecord.Event{
			created, deletion(15, 4, onrecord.GradeD2), event(onrecord.StatementRestored, 30, 6), deletion(60, 8, onrecord.GradeD2),
		}, onrecord.StateDeleted, "aaa", 30},
		{"withheld and given back", []onrecord.Event{
			created, event(onrecord.StatementWithheld, 5, 4), event(onrecord.StatementUnwithheld, 6, 6),
		}, onrecord.StateLive, "aaa", 0},
		{"withheld in two cases, given back in one", []onrecord.Event{
			created, in("A", event(onrecord.StatementWithheld, 5, 4)), in("B", event(onrecord.StatementWithheld, 6, 6)), in("B", event(onrecord.StatementUnwithheld, 7, 8)),
		}, onrecord.StateWithheld, "aaa", 0},
		{"withheld in two cases, given back in both", []onrecord.Event{
			created, in("A", event(onrecord.StatementWithheld, 5, 4)), in("B", event(onrecord.StatementWithheld, 6, 6)), in("A", event(onrecord.StatementUnwithheld, 7, 8)), in("B", event(onrecord.StatementUnwithheld, 8, 10)),
		}, onrecord.StateLive, "aaa", 0},
		{"withheld", []onrecord.Event{created, event(onrecord.StatementWithheld, 5, 4)}, onrecord.StateWithheld, "aaa", 0},
		{"erased", []onrecord.Event{created, event(onrecord.StatementErased, 5, 4)}, onrecord.StateWithheld, "aaa", 0},
		{"imported", []onrecord.Event{reported(created)}, onrecord.StateLive, "aaa", -1},
		{"reported deleted, never seen here", []onrecord.Event{
			reported(created), reported(deletion(5, 4, onrecord.GradeD0)),
		}, onrecord.StateDeleted, "aaa", -1},
		{"reported deleted, seen here", []onrecord.Event{
			created, reported(wording(onrecord.StatementSeen, 9, 4, "bbb")), reported(deletion(9, 6, onrecord.GradeD0)),
		}, onrecord.StateLive, "aaa", 0},
		{"a wording that was over when it was read", []onrecord.Event{
			created, func() onrecord.Event {
				e := wording(onrecord.StatementSeen, 9, 4, "old")
				e.Reason = onrecord.ReasonHistory
				return e
			}(),
		}, onrecord.StateLive, "aaa", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var k onrecord.Known
			for _, e := range tt.events {
				k.Apply(e)
			}
			seen := -1
			if !k.LastSeen.IsZero() {
				seen = int(k.LastSeen.Sub(t0).Minutes())
			}
			if k.State != tt.state || k.Version != tt.version || seen != tt.seen {
				t.Errorf("%s %s seen %d, want %s %s seen %d", k.State, k.Version, seen, tt.state, tt.version, tt.seen)
			}
		})
	}
}

// A sighting dates from the request, for the platform may have changed its
// mind while the answer was under way.
func TestSightingDatesFromTheRequest(t *testing.T) {
	e := wording(onrecord.StatementCreated, 5, 2, "aaa")
	e.Captures = []onrecord.CaptureRef{{Object: "captures/a", At: e.At.Add(-3 * time.Second)}}
	var k onrecord.Known
	k.Apply(e)
	if want := e.At.Add(-3 * time.Second); !k.LastSeen.Equal(want) || !k.FirstSeen.Equal(e.At) {
		t.Errorf("first seen %v, last seen %v; want %v and %v", k.FirstSeen, k.LastSeen, e.At, want)
	}
}

// A door of which no event names a wording has read what was current.
func TestReadOfQuietDoor(t *testing.T) {
	var k onrecord.Known
	k.Apply(wording(onrecord.StatementCreated, 0, 2, "aaa"))
	r := run(5, 9, 4, onrecord.Run{Base: 2, Seen: []onrecord.StatementID{"s"}})
	r.Run.Door = "page"
	k.Apply(r)
	k.Apply(wording(onrecord.StatementEdited, 20, 6, "bbb"))
	got, named, ok := k.Read(onrecord.ReadingKey("masto", "page", "api/1"))
	if !ok || named || got.Version != "aaa" || !got.At.Equal(r.At) {
		t.Errorf("Read: %+v, named %v, ok %v; want aaa at %v, not named", got, named, ok, r.At)
	}
	if _, _, ok := k.Read(onrecord.ReadingKey("masto", "other", "api/1")); ok {
		t.Error("a door that never read it has a reading")
	}
}

// The same events give the same result in whatever order they come, and
// however often; only runs come after what they know.
func TestApplyInAnyOrder(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		statements, runs, others := randomEvents(r)
		fold := func() (onrecord.Known, onrecord.KnownAccount, onrecord.KnownSource) {
			var k onrecord.Known
			a, s := onrecord.KnownAccount{Platform: "mastodon", ID: "7"}, onrecord.KnownSource{Source: "masto"}
			for _, list := range [][]onrecord.Event{statements, runs, others, statements[:len(statements)/2]} {
				for _, e := range list {
					k.Apply(e)
					a.Apply(e)
					s.Apply(e)
				}
			}
			return k, a, s
		}
		k, a, s := fold()
		for range 5 {
			for _, list := range [][]onrecord.Event{statements, runs, others} {
				r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			}
			k2, a2, s2 := fold()
			diff := cmp.Diff(k, k2, cmpopts.EquateEmpty()) + cmp.Diff(a, a2, cmpopts.EquateEmpty()) + cmp.Diff(s, s2, cmpopts.EquateEmpty())
			if diff != "" {
				t.Fatalf("seed %d: another order, another result:\n%s", seed, diff)
			}
		}
	}
}

// randomEvents makes up events of one statement; runs that know all of them;
// and events of its account and source. Times and kinds often coincide.
func randomEvents(r *rand.Rand) (statements, runs, others []onrecord.Event) {
	index := int64(0)
	next := func() int64 { index++; return index }
	types := []onrecord.EventType{
		onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementEdited, onrecord.StatementSeen, onrecord.StatementSeen,
		onrecord.StatementLooked, onrecord.StatementLooked, onrecord.StatementLooked, onrecord.StatementDeleted, onrecord.StatementDeleted,
		onrecord.StatementRestored, onrecord.StatementWithheld, onrecord.StatementUnwithheld, onrecord.StatementErased,
	}
	looks := []onrecord.LookResult{onrecord.LookAbsent, onrecord.LookGone, onrecord.LookLive, onrecord.LookUnclear}
	for range 1 + r.IntN(12) {
		e := event(types[r.IntN(len(types)-r.IntN(2))], r.IntN(10), next())
		switch e.Type {
		case onrecord.StatementCreated, onrecord.StatementEdited, onrecord.StatementSeen:
			e.Version = onrecord.VersionID(fmt.Sprint("v", r.IntN(3)))
			e.PublishedAt = t0.Add(time.Duration(r.IntN(3)) * time.Hour)
			e.URL = fmt.Sprint("https://social.example/", r.IntN(3))
		case onrecord.StatementLooked:
			e.Look = looks[r.IntN(len(looks))]
		case onrecord.StatementDeleted:
			e.Grade = []onrecord.Grade{onrecord.GradeD2, onrecord.GradeD3, onrecord.GradeD4}[r.IntN(3)]
		}
		if e.Type == onrecord.StatementSeen && r.IntN(3) == 0 {
			e.Reason = onrecord.ReasonHistory
		}
		if e.Type == onrecord.StatementErased {
			e.Erasure = &onrecord.Erasure{Also: []onrecord.StatementID{onrecord.StatementID(fmt.Sprint("also", r.IntN(3)))}}
		}
		e.Door = []string{"api", "page"}[r.IntN(2)]
		e.Aliases = []string{fmt.Sprint(r.IntN(3))}
		if r.IntN(5) == 0 {
			e = reported(e)
		}
		statements = append(statements, e)
	}
	for range r.IntN(4) {
		from := r.IntN(10)
		e := run(from, from+r.IntN(3), next(), onrecord.Run{Base: index - 1, Range: onrecord.Range{From: "1", ToIn: true}, Account: onrecord.AccountLive})
		e.Account = onrecord.AccountRef{Platform: "mastodon", ID: "7"}
		if r.IntN(2) == 0 {
			e.Run.Except = []onrecord.StatementID{"s"}
		}
		runs = append(runs, e)
	}
	kinds := []onrecord.EventType{
		onrecord.AccountIdentified, onrecord.AccountWasSuspended, onrecord.AccountRestored, onrecord.AccountRenamed,
		onrecord.AccountIdentityChanged, onrecord.SourceGap, onrecord.SourceFrozen, onrecord.SourceThawed, onrecord.PlatformOffline, onrecord.PlatformOnline,
	}
	states := []onrecord.AccountState{onrecord.AccountLive, onrecord.AccountSuspended, onrecord.AccountUnknown}
	for range r.IntN(10) {
		e := event(kinds[r.IntN(len(kinds))], r.IntN(10), next())
		e.Statement = ""
		e.Account = onrecord.AccountRef{Platform: "mastodon", ID: "7", Handle: fmt.Sprint("jane", r.IntN(3))}
		e.State = states[r.IntN(len(states))]
		e.Gap = &onrecord.Gap{Reason: []string{"outage", "blocked"}[r.IntN(2)], Open: r.IntN(2) == 0, Since: e.At}
		if r.IntN(4) == 0 {
			e.Provenance = onrecord.Imported
		}
		others = append(others, e)
	}
	return statements, runs, others
}

func TestStateUnder(t *testing.T) {
	live := onrecord.Known{State: onrecord.StateLive}
	deleted := onrecord.Known{State: onrecord.StateDeleted}
	for _, tt := range []struct {
		k       onrecord.Known
		account onrecord.AccountState
		offline bool
		want    onrecord.State
	}{
		{live, onrecord.AccountLive, false, onrecord.StateLive},
		{live, onrecord.AccountMoved, false, onrecord.StateLive},
		{live, onrecord.AccountSuspended, true, onrecord.StateGoneWithAccount},
		{live, onrecord.AccountPrivate, false, onrecord.StateGoneWithAccount},
		{live, onrecord.AccountLive, true, onrecord.StatePlatformOffline},
		{deleted, onrecord.AccountSuspended, true, onrecord.StateDeleted},
	} {
		if got := tt.k.StateUnder(tt.account, tt.offline); got != tt.want {
			t.Errorf("%s under %s, offline %v: %s, want %s", tt.k.State, tt.account, tt.offline, got, tt.want)
		}
	}
}

// Clone shares nothing that Apply changes.
func TestCloneIsApart(t *testing.T) {
	var k onrecord.Known
	k.Apply(wording(onrecord.StatementCreated, 0, 2, "aaa"))
	k.Apply(look(3, 4, onrecord.LookAbsent))
	before := k.Clone()
	c := k.Clone()
	for i, e := range []onrecord.Event{wording(onrecord.StatementEdited, 1, 6, "bbb"), look(2, 8, onrecord.LookGone), deletion(9, 10, onrecord.GradeD2), look(20, 12, onrecord.LookLive)} {
		e.Aliases = []string{fmt.Sprint(i)}
		c.Apply(e)
	}
	if diff := cmp.Diff(before, k); diff != "" {
		t.Errorf("a change of the clone changed the original:\n%s", diff)
	}
	if slices.Equal(c.Versions, k.Versions) {
		t.Error("the clone did not change")
	}
}

// The line of a run keeps what the fold needs.
func TestRunLine(t *testing.T) {
	e := run(0, 60, 3, onrecord.Run{
		Visits: 12, Base: 40, Range: onrecord.Range{From: "17", FromIn: true, ToIn: true},
		Except: []onrecord.StatementID{"a"}, Seen: []onrecord.StatementID{"b", "c"},
		Account: onrecord.AccountLive, Provenance: onrecord.Mirrored,
	})
	line, err := e.AppendLine(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := onrecord.ParseEvent(line)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e.Run, got.Run); diff != "" {
		t.Errorf("run (-written +read):\n%s", diff)
	}
}

func BenchmarkKnownApply(b *testing.B) {
	events := []onrecord.Event{
		wording(onrecord.StatementCreated, 0, 2, "aaa"), wording(onrecord.StatementEdited, 5, 4, "bbb"),
		look(10, 6, onrecord.LookGone), deletion(20, 8, onrecord.GradeD2),
	}
	b.ReportAllocs()
	for b.Loop() {
		var k onrecord.Known
		for _, e := range events {
			k.Apply(e)
		}
	}
}
