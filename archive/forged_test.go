// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// A forger is the operator of an archive, who holds bucket and log key, and lies.
type forger struct {
	l       lived
	entries []archive.Entry
	since   ledger.Checkpoint // what a stranger has seen before
}

// A lie changes the history in b about the statement line at an index.
type lie struct {
	name string
	tell func(t *testing.T, f *forger, r *rand.Rand, b *memory.Bucket, at int)
}

// lies are the eight classes. The first four leave the ledger as it is; the
// others write it anew, and sign it with the log's own key.
var lies = []lie{
	{"alter", func(t *testing.T, f *forger, _ *rand.Rand, b *memory.Bucket, at int) {
		f.rewrite(t, b, at, func(e *onrecord.Event) { e.Content.Text += " (not)" })
	}},
	{"back-date", func(t *testing.T, f *forger, _ *rand.Rand, b *memory.Bucket, at int) {
		f.rewrite(t, b, at, func(e *onrecord.Event) { e.At = e.At.Add(-time.Hour) })
	}},
	{"delete", func(_ *testing.T, f *forger, _ *rand.Rand, b *memory.Bucket, at int) {
		b.Damage(f.segment(at), func([]byte) []byte { return nil })
	}},
	{"delete one that was never shown", func(t *testing.T, f *forger, _ *rand.Rand, b *memory.Bucket, at int) {
		// The evidence goes, and the line too: no page ever linked to either.
		for _, ref := range f.entries[at].Event.Captures {
			b.Damage(ref.Object, func([]byte) []byte { return nil })
		}
		f.cut(t, b, at)
	}},
	{"hide", func(t *testing.T, f *forger, _ *rand.Rand, b *memory.Bucket, at int) {
		f.resign(t, b, func(leaves []ledger.Leaf) []ledger.Leaf { return slices.Delete(leaves, at, at+1) })
	}},
	{"re-order", func(t *testing.T, f *forger, r *rand.Rand, b *memory.Bucket, at int) {
		other := (at + 1 + r.IntN(len(f.entries)-1)) % int(f.since.Size)
		if other == at {
			other = (at + 1) % int(f.since.Size)
		}
		f.resign(t, b, func(leaves []ledger.Leaf) []ledger.Leaf {
			leaves[at], leaves[other] = leaves[other], leaves[at]
			return leaves
		})
	}},
	{"truncate the log", func(t *testing.T, f *forger, _ *rand.Rand, b *memory.Bucket, at int) {
		f.resign(t, b, func(leaves []ledger.Leaf) []ledger.Leaf { return leaves[:at] })
	}},
	{"replace the history", func(t *testing.T, f *forger, _ *rand.Rand, b *memory.Bucket, at int) {
		lines := f.rewrite(t, b, at, func(e *onrecord.Event) { e.Content.Text = "I never said that." })
		f.resign(t, b, func(leaves []ledger.Leaf) []ledger.Leaf {
			visit := leaves[at].Visit
			for i := range leaves {
				if leaves[i].Visit == visit {
					leaves[i] = lines[leaves[i].Line]
				}
			}
			return leaves
		})
	}},
}

// segment returns the key of the segment that holds the line at an index.
func (f *forger) segment(at int) string {
	id := f.entries[at].Leaf.Visit
	return "journal/" + id.Time().UTC().Format("2006/01/02") + "/" + id.String() + ".ndjson.zst"
}

// rewrite puts another segment, itself flawless, in place of the one that holds
// the line at an index, and returns the leaves that it would have.
func (f *forger) rewrite(t *testing.T, b *memory.Bucket, at int, change func(*onrecord.Event)) []ledger.Leaf {
	t.Helper()
	var events []onrecord.Event
	visit := f.entries[at].Leaf.Visit
	for i, e := range f.entries {
		if e.Leaf.Visit != visit || e.Leaf.Line == 0 {
			continue
		}
		ev := e.Event
		if i == at {
			if ev.Content != nil {
				c := *ev.Content
				ev.Content = &c
			} else {
				ev.Content = &onrecord.Content{Type: "post"}
			}
			change(&ev)
		}
		events = append(events, ev)
	}
	return f.replace(t, b, at, events)
}

// cut takes a line out of its segment.
func (f *forger) cut(t *testing.T, b *memory.Bucket, at int) {
	t.Helper()
	var events []onrecord.Event
	for i, e := range f.entries {
		if e.Leaf.Visit == f.entries[at].Leaf.Visit && e.Leaf.Line > 0 && i != at {
			events = append(events, e.Event)
		}
	}
	f.replace(t, b, at, events)
}

func (f *forger) replace(t *testing.T, b *memory.Bucket, at int, events []onrecord.Event) []ledger.Leaf {
	t.Helper()
	body, leaves, err := archive.BuildLeaves(f.entries[at].Visit, events, seeded(5))
	if err != nil {
		t.Fatal(err)
	}
	b.Damage(f.segment(at), func([]byte) []byte { return body })
	return leaves
}

// resign writes the ledger anew, of changed leaves, as its owner can.
func (f *forger) resign(t *testing.T, b *memory.Bucket, change func([]ledger.Leaf) []ledger.Leaf) {
	t.Helper()
	leaves := make([]ledger.Leaf, len(f.entries))
	for i, e := range f.entries {
		leaves[i] = e.Leaf
	}
	leaves = change(leaves)
	fresh := &memory.Bucket{}
	o := ledger.Options{Origin: origin, Verifier: f.l.w.verifier(t), Signer: f.l.w.signer, Mark: filepath.Join(fastDir(t), "mark"), Rand: seeded(6)}
	if err := ledger.Create(t.Context(), fresh, o); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(fresh, o)
	if err != nil {
		t.Fatal(err)
	}
	for batch := range slices.Chunk(leaves, ledger.MaxBatch) {
		h, tag, err := l.Head(t.Context())
		if err == nil {
			h, _, err = l.Append(t.Context(), h, tag, batch)
		}
		if err == nil {
			err = l.Publish(t.Context(), h)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	move(t, fresh, b)
}

// move puts all objects of one bucket over those of another, and takes away the
// tiles that were there.
func move(t *testing.T, from, to *memory.Bucket) {
	t.Helper()
	var gone []string
	for info, err := range to.List(t.Context(), "log/tile/", "") {
		if err != nil {
			t.Fatal(err)
		}
		gone = append(gone, info.Key)
	}
	for _, key := range gone {
		to.Damage(key, func([]byte) []byte { return nil })
	}
	for info, err := range from.List(t.Context(), "log/", "") {
		if err != nil {
			t.Fatal(err)
		}
		body, _, err := from.Load(t.Context(), info.Key)
		if err != nil {
			t.Fatal(err)
		}
		if !to.Damage(info.Key, func([]byte) []byte { return body }) {
			if err := to.Create(t.Context(), info.Key, bucket.Bytes(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// forge makes an archive, the checkpoint that a stranger has kept of it, and
// what its operator needs to lie.
func forge(t *testing.T, visits int) *forger {
	t.Helper()
	f := &forger{l: live(t, visits)}
	a := f.l.w.open(t, f.l.b, fastDir(t), 31)
	var err error
	if f.since, err = a.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 5 { // it has grown since
		if _, err := visit(t.Context(), f.l.w, a, "press-2", fmt.Sprintf("since then %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	f.entries = walk(t, a)
	return f
}

// targets are the lines about statements with a wording that the old checkpoint
// covers.
func (f *forger) targets() (list []int) {
	for i, e := range f.entries[:f.since.Size] {
		if e.Event.Content != nil && len(e.Event.Captures) > 0 {
			list = append(list, i)
		}
	}
	return list
}

// TestVerifyFindsEveryLie has an operator who holds everything change what was
// recorded, in eight ways. A stranger who has the log's public key and one old
// checkpoint, and looks at the bucket as it is, finds each: 40 lies here, 1,000
// with ONRECORD_LONG.
func TestVerifyFindsEveryLie(t *testing.T) {
	visits, each := 60, 5
	if os.Getenv("ONRECORD_LONG") != "" {
		visits, each = 400, 125
	}
	f := forge(t, visits)
	o := archive.VerifyOptions{Since: &f.since, Outside: true} // no states, no snapshots: only what is public
	if r := f.l.verify(t, f.l.b, o); len(r.Findings) > 0 {
		t.Fatalf("nobody has lied yet: %v", r.Findings)
	}
	seed := time.Now().UnixNano()
	r := rand.New(rand.NewPCG(uint64(seed), 1))
	targets := f.targets()
	total := 0
	for _, lie := range lies {
		found := 0
		for range each {
			at := targets[r.IntN(len(targets))]
			b := f.l.b.Clone()
			lie.tell(t, f, r, b, at)
			if lie.name == "replace the history" { // nothing else gives it away
				if rep := f.l.verify(t, b, archive.VerifyOptions{Outside: true}); len(rep.Findings) > 0 {
					t.Fatalf("the forger is clumsy: %v", rep.Findings)
				}
			}
			if rep := f.l.verify(t, b, o); len(rep.Findings) > 0 {
				found++
			} else {
				t.Errorf("seed %d: %s at index %d of %d: not found", seed, lie.name, at, len(f.entries))
			}
		}
		total += found
		t.Logf("%-32s %d of %d", lie.name, found, each)
	}
	t.Logf("%d of %d, in a ledger of %d leaves, by a checkpoint of size %d", total, each*len(lies), len(f.entries), f.since.Size)
}

// TestVerifySince has a checkpoint that the ledger extends, one that it does
// not, and one of more than there is.
func TestVerifySince(t *testing.T) {
	f := forge(t, 20)
	for _, c := range []struct {
		name string
		c    func() ledger.Checkpoint
		want int
	}{
		{"the one that was seen", func() ledger.Checkpoint { return f.since }, 0},
		{"another root", func() ledger.Checkpoint { return ledger.Checkpoint{Tree: ledger.Tree{Size: 5, Root: [32]byte{1}}} }, 1},
		{"a larger one", func() ledger.Checkpoint {
			return ledger.Checkpoint{Tree: ledger.Tree{Size: 1 << 30, Root: [32]byte{1}}}
		}, 1},
	} {
		old := c.c()
		r := f.l.verify(t, f.l.b, archive.VerifyOptions{Since: &old})
		if len(r.Findings) != c.want || c.want > 0 && !strings.Contains(r.Findings[0].Reason, fmt.Sprintf("size %d that was seen before", old.Size)) {
			t.Errorf("%s: %v", c.name, r.Findings)
		}
	}
}
