// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
	"onrecord/internal/repotest"
)

// A lived is an archive that the real write path has made, with all that a life
// leaves in it.
type lived struct {
	w   *world
	b   *memory.Bucket
	old *memory.Bucket // some visits ago
}

// live makes an archive: visits with news, edits, deletions, quiet and late
// ones, an import as a run of visits over one file, media, two snapshots.
func live(t testing.TB, visits int) lived {
	t.Helper()
	ctx, l := t.Context(), lived{w: newWorld(t), b: &memory.Bucket{}}
	dir := fastDir(t)
	a := l.w.init(t, l.b, dir)
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	dump := l.runOfImports(t, a)
	for n := range visits {
		source := fmt.Sprintf("press-%d", n%3)
		l.w.wait(time.Minute)
		v, err := read(ctx, l.w, a, source, fmt.Sprintf("visit %d %x", n, sha256.Sum256([]byte{byte(n), byte(n >> 8)})))
		must(err)
		switch {
		case n%7 == 3:
			must(v.Quiet(ctx, v.State()))
			continue
		case n%11 == 5: // another is faster, and this one late
			_, err := visit(ctx, l.w, l.w.open(t, l.b, fastDir(t), byte(n)), source, fmt.Sprintf("faster %d", n))
			must(err)
			_, err = commit(ctx, l.w, v)
			must(err)
			continue
		}
		d, err := judge(ctx, l.w, v)
		must(err)
		more := d.Events[0]
		switch n % 4 {
		case 1:
			more.Type = onrecord.StatementEdited
			d.Events = append(d.Events, more)
		case 2:
			more.Type, more.Content, more.Version = onrecord.StatementDeleted, nil, ""
			d.Events = append(d.Events, more)
		case 3:
			more.Captures = append(more.Captures, dump)
			d.Events = append(d.Events, more, l.media(t, v, n))
		}
		_, err = v.Commit(ctx, d)
		must(err)
		if n == visits/2 {
			l.old = l.b.Clone()
		}
	}
	l.snapshots(t, a)
	return l
}

// runOfImports commits a file, and a second visit that cites it.
func (l lived) runOfImports(t testing.TB, a *archive.Archive) onrecord.CaptureRef {
	t.Helper()
	var ref onrecord.CaptureRef
	for n := range 2 {
		v, err := a.Begin(t.Context(), press("dump"), "import-test", "test/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if ref, err = v.RecordFile(t.Context(), onrecord.Exchange{URL: "urn:onrecord:import:1/dump.zip", At: l.w.now(), Type: "application/zip"}, patternFile(30_000)); err != nil {
				t.Fatal(err)
			}
		}
		d := archive.Draft{Base: 1, Outcome: onrecord.OutcomeOK, Started: l.w.now(), Ended: l.w.now(), Next: v.State(), KeepWARC: true, Provenance: onrecord.Imported}
		d.Next.Source, d.Next.Platform = "dump", "website"
		e := said("dump", fmt.Sprintf("imported %d", n), "Imported.")
		e.Captures = []onrecord.CaptureRef{ref}
		d.Events = []onrecord.Event{e, e}
		if _, err := v.Commit(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	return ref
}

// media records a payload, and returns the event that says so.
func (l lived) media(t testing.TB, v *archive.Visit, n int) onrecord.Event {
	t.Helper()
	payload := bytes.Repeat([]byte(fmt.Sprintf("picture %d ", n)), 300)
	sum := sha256.Sum256(payload)
	x := exchange(l.w, "")
	x.URL, x.Payload = fmt.Sprintf("https://jane.example/%d.png", n), nil
	m, err := v.RecordMedia(t.Context(), x, onrecord.File{Size: int64(len(payload)), SHA256: sum, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(payload)), nil
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := said("press", fmt.Sprintf("media %d", n), "x")
	e.Type, e.Content, e.Version = onrecord.MediaKept, nil, ""
	e.Media = &onrecord.KeptMedia{ID: "m1", URL: x.URL, SHA256: hex.EncodeToString(sum[:]), Type: "image/png", Size: int64(len(payload)), At: m.At}
	return e
}

// snapshots puts two.
func (l lived) snapshots(t testing.TB, a *archive.Archive) {
	t.Helper()
	for n := range 2 {
		if _, err := visit(t.Context(), l.w, a, "press-0", fmt.Sprintf("before snapshot %d", n)); err != nil {
			t.Fatal(err)
		}
		head, err := a.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "catalog.db")
		if err := os.WriteFile(path, bytes.Repeat([]byte(fmt.Sprintf("row %d\n", n)), 500), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := a.PutSnapshot(t.Context(), path, head.Tree, "7-abc"); err != nil {
			t.Fatal(err)
		}
	}
}

// verify opens the archive by its key and verifies it.
func (l lived) verify(t testing.TB, b *memory.Bucket, o archive.VerifyOptions) archive.Report {
	t.Helper()
	a, err := archive.OpenToVerify(t.Context(), b, archive.Options{Now: l.w.now, Origin: origin, Verifier: l.w.verifier(t), PublicKey: l.w.public})
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Verify(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// keys returns the objects of each kind that the published tree needs: a visit
// that was late has left a segment under its first name, which is nobody's.
func (l lived) keys(t testing.TB, size int64) map[string][]string {
	t.Helper()
	out, visits := map[string][]string{}, map[string]bool{}
	for _, e := range walk(t, l.w.open(t, l.b, fastDir(t), 77)) {
		visits[e.Leaf.Visit.String()] = true
	}
	for info, err := range l.b.List(context.Background(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		folder, name, _ := strings.Cut(info.Key, "/")
		kind := map[string]string{"onrecord.json": archive.KindMeta, "captures": archive.KindCapture, "media": archive.KindMedia, "journal": archive.KindJournal, "state": archive.KindState}[folder]
		switch {
		case info.Key == ledger.HeadKey:
			kind = archive.KindHead
		case info.Key == ledger.CheckpointKey:
			kind = archive.KindCheckpoint
		case strings.HasSuffix(name, ".note"):
			kind = "note"
		case folder == "views":
			kind = archive.KindSnapshot
		case strings.Contains(name, ".p/") && !strings.HasSuffix(name, fmt.Sprintf(".p/%d", size%256)) && !strings.HasPrefix(name, "tile/1/"),
			strings.HasPrefix(name, "tile/1/") && !strings.HasSuffix(name, fmt.Sprintf(".p/%d", size/256)):
			continue // of an older tree
		case strings.HasPrefix(name, "tile/entries/"):
			kind = "bundle"
		case folder == "log":
			kind = archive.KindTile
		case kind == archive.KindJournal && !visits[strings.TrimSuffix(filepath.Base(name), ".ndjson.zst")]:
			continue
		}
		out[kind] = append(out[kind], info.Key)
	}
	return out
}

// A harm changes one object, or one and another of its kind.
type harm struct {
	name string
	do   func(r *rand.Rand, l lived, b *memory.Bucket, key, other string) (at int, changed []string)
}

var harms = []harm{
	{"flip", func(r *rand.Rand, _ lived, b *memory.Bucket, key, _ string) (at int, changed []string) {
		b.Damage(key, func(p []byte) []byte {
			at = r.IntN(len(p))
			p[at] ^= 1 << r.IntN(8)
			return p
		})
		return at, []string{key}
	}},
	{"truncate", func(r *rand.Rand, _ lived, b *memory.Bucket, key, _ string) (int, []string) {
		b.Damage(key, func(p []byte) []byte { return p[:r.IntN(len(p))] })
		return -1, []string{key}
	}},
	{"extend", func(r *rand.Rand, _ lived, b *memory.Bucket, key, _ string) (int, []string) {
		b.Damage(key, func(p []byte) []byte { return append(p, make([]byte, 1+r.IntN(40))...) })
		return -1, []string{key}
	}},
	{"swap", func(_ *rand.Rand, _ lived, b *memory.Bucket, key, other string) (int, []string) {
		if other == "" {
			return -1, nil
		}
		var x, y []byte
		b.Damage(key, func(p []byte) []byte { x = p; return p })
		b.Damage(other, func(p []byte) []byte { y = p; return x })
		b.Damage(key, func([]byte) []byte { return y })
		return -1, []string{key, other}
	}},
	{"delete", func(_ *rand.Rand, _ lived, b *memory.Bucket, key, _ string) (int, []string) {
		b.Damage(key, func([]byte) []byte { return nil })
		return -1, []string{key}
	}},
	{"older", func(_ *rand.Rand, l lived, b *memory.Bucket, key, _ string) (int, []string) {
		older, _, err := l.old.Load(context.Background(), key)
		var changed []string
		b.Damage(key, func(p []byte) []byte {
			if err != nil || bytes.Equal(p, older) {
				return p
			}
			changed = []string{key}
			return older
		})
		return -1, changed
	}},
}

// TestVerifyNamesAllDamage damages every kind of object in every way: each is
// named, and nothing else is.
func TestVerifyNamesAllDamage(t *testing.T) {
	repotest.Large(t)
	l := live(t, 150)
	before := l.verify(t, l.b, archive.VerifyOptions{})
	for _, f := range before.Findings {
		t.Errorf("before any damage: %s", f)
	}
	if before.Snapshots != 2 || before.Objects == 0 || before.Size <= 256 {
		t.Fatalf("%+v", before)
	}
	seed := time.Now().UnixNano()
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	keys := l.keys(t, before.Size)
	rounds := 3
	if os.Getenv("ONRECORD_LONG") != "" {
		rounds = 60
	}
	exact := &exactness{l: l}
	for _, kind := range []string{archive.KindMeta, archive.KindCapture, archive.KindMedia, archive.KindJournal, archive.KindState,
		archive.KindHead, archive.KindCheckpoint, archive.KindTile, "bundle", archive.KindSnapshot, "note"} {
		if len(keys[kind]) == 0 {
			t.Fatalf("no %s", kind)
		}
		for _, d := range harms {
			n := rounds
			if d.name == "flip" {
				n *= 5
			}
			made, found := 0, 0
			for range n {
				key, other := pick(r, keys[kind])
				b := l.b.Clone()
				at, changed := d.do(r, l, b, key, other)
				if len(changed) == 0 {
					continue
				}
				made++
				rep := l.verify(t, b, archive.VerifyOptions{})
				if expected(kind, d.name, rep.Findings, changed) {
					found++
				} else {
					t.Errorf("seed %d: %s of %s at %d (of %d): found %v", seed, d.name, changed, at, made, rep.Findings)
				}
				if d.name == "flip" {
					exact.look(t, kind, key, b, int64(at), rep.Findings)
				}
			}
			t.Logf("%-10s %-8s %d of %d", kind, d.name, found, made)
		}
	}
	exact.check(t)
}

// pick returns two different objects of a kind, the second empty if there is
// but one.
func pick(r *rand.Rand, keys []string) (key, other string) {
	i := r.IntN(len(keys))
	if len(keys) > 1 {
		other = keys[(i+1+r.IntN(len(keys)-1))%len(keys)]
	}
	return keys[i], other
}

// expected reports whether just what was changed is named. Losing a snapshot or
// its note is no finding; a note that is wrong may be named as the snapshot's.
func expected(kind, how string, found []archive.Finding, changed []string) bool {
	if how == "delete" && (kind == archive.KindSnapshot || kind == "note") {
		return len(found) == 0
	}
	for _, f := range found {
		if !slices.Contains(changed, f.Object) {
			return false
		}
	}
	for _, key := range changed {
		if !slices.ContainsFunc(found, func(f archive.Finding) bool { return f.Object == key }) {
			return false
		}
	}
	return true
}

// An exactness counts how exactly flipped bits are named.
type exactness struct {
	l                          lived
	journal, journalExact      int
	capture, captureExact      int
	journalMisses, captureMiss []string
}

// look compares the offset of a finding with the record or frame that was hit.
func (e *exactness) look(t *testing.T, kind, key string, damaged *memory.Bucket, at int64, found []archive.Finding) {
	t.Helper()
	var body, harmed []byte
	e.l.b.Damage(key, func(p []byte) []byte { body = bytes.Clone(p); return p })
	damaged.Damage(key, func(p []byte) []byte { harmed = bytes.Clone(p); return p })
	var starts []int64
	switch kind {
	case archive.KindJournal:
		starts = archive.Frames(body)
	case archive.KindCapture:
		for rec, err := range warc.Records(bytes.NewReader(body), warc.ReaderOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			starts = append(starts, rec.Offset)
		}
	default:
		return
	}
	i, ok := slices.BinarySearch(starts, at)
	if !ok {
		i--
	}
	hit := slices.ContainsFunc(found, func(f archive.Finding) bool { return f.Offset == starts[i] && f.Index >= 0 })
	miss := fmt.Sprintf("%s at %d, of the record at %d: %v", key, at, starts[i], found)
	if kind == archive.KindJournal {
		switch end := append(starts, int64(len(body)))[i+1]; {
		case hit:
			e.journal++
			e.journalExact++
		case sameLine(t, body[starts[i]:end], harmed[starts[i]:end]):
			// A bit that zstd ignores: no line is another, and only the digest of
			// all frames behind the visit line knows.
		default:
			e.journal++
			e.journalMisses = append(e.journalMisses, miss)
		}
		return
	}
	e.capture++
	if hit {
		e.captureExact++
	} else {
		e.captureMiss = append(e.captureMiss, miss)
	}
}

// sameLine reports whether a frame whose bit was flipped has the same content.
func sameLine(t *testing.T, frame, harmed []byte) bool {
	t.Helper()
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	was, err := dec.DecodeAll(frame, nil)
	if err != nil {
		t.Fatal(err)
	}
	is, err := dec.DecodeAll(harmed, nil)
	return err == nil && bytes.Equal(was, is)
}

// check demands the frame of every bit in a journal that changes its line, and the record of nearly
// every bit in a WARC: a few bits of a gzip member mean nothing to whoever
// inflates it, and of records that no line cites only the object's digest has
// them.
func (e *exactness) check(t *testing.T) {
	t.Helper()
	t.Logf("journal: frame and index of %d of %d; WARC: record of %d of %d", e.journalExact, e.journal, e.captureExact, e.capture)
	for _, m := range e.journalMisses {
		t.Errorf("not named exactly: %s", m)
	}
	if len(e.captureMiss)*5 > e.capture {
		t.Errorf("records that were not named: %s", strings.Join(e.captureMiss, "\n"))
	}
}

// TestPartsCoverEverythingOnce adds up parts, before and after the archive has
// grown.
func TestPartsCoverEverythingOnce(t *testing.T) {
	l := live(t, 120)
	whole := l.verify(t, l.b, archive.VerifyOptions{})
	for _, n := range []int{1, 2, 5} {
		var sum archive.Report
		for k := 1; k <= n; k++ {
			r := l.verify(t, l.b, archive.VerifyOptions{Part: k, Parts: n})
			for _, f := range r.Findings {
				t.Errorf("part %d of %d: %s", k, n, f)
			}
			sum.Visits += r.Visits
			sum.Lines += r.Lines
			sum.Objects += r.Objects
			sum.Records += r.Records
			sum.States += r.States
			sum.Snapshots += r.Snapshots
		}
		if sum.Visits != whole.Visits || sum.Lines != whole.Lines || sum.Objects != whole.Objects || sum.Records != whole.Records || sum.States != whole.States || sum.Snapshots != whole.Snapshots {
			t.Errorf("%d parts: %+v, the whole %+v", n, sum, whole)
		}
	}
	// An object stays in its part.
	grown := l.b.Clone()
	a := l.w.open(t, grown, fastDir(t), 99)
	for n := range 100 {
		if _, err := visit(t.Context(), l.w, a, "press-1", fmt.Sprintf("later %d", n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range l.keys(t, whole.Size)[archive.KindJournal][:10] {
		was, is := l.partOf(t, l.b, key, 3), l.partOf(t, grown, key, 3)
		if len(was) != 1 || !slices.Equal(was, is) {
			t.Errorf("%s is in parts %v, then in %v", key, was, is)
		}
	}
}

// partOf returns the parts that notice that an object is gone.
func (l lived) partOf(t *testing.T, b *memory.Bucket, key string, n int) (parts []int) {
	t.Helper()
	b = b.Clone()
	b.Damage(key, func([]byte) []byte { return nil })
	for k := 1; k <= n; k++ {
		if r := l.verify(t, b, archive.VerifyOptions{Part: k, Parts: n}); len(r.Findings) > 0 {
			parts = append(parts, k)
		}
	}
	return parts
}

// TestVerifyGoesOnBelowLostTiles loses all hash tiles, and a journal segment:
// both are named.
func TestVerifyGoesOnBelowLostTiles(t *testing.T) {
	l := live(t, 130)
	size := l.verify(t, l.b, archive.VerifyOptions{}).Size
	keys := l.keys(t, size)
	lost := append(slices.Clone(keys[archive.KindTile]), keys[archive.KindJournal][20])
	for _, key := range lost {
		l.b.Damage(key, func([]byte) []byte { return nil })
	}
	r := l.verify(t, l.b, archive.VerifyOptions{})
	if !expected(archive.KindTile, "delete", r.Findings, lost) || len(r.Findings) != len(lost) {
		t.Errorf("lost %v, found %v", lost, r.Findings)
	}
}
