// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/internal/repotest"
)

const secret = "the umbrella stands behind the third pillar"

// secretID is the statement that is erased.
var secretID = onrecord.NewStatementID("website", "secret")

// tellsOf reports whether b holds the secret, packed or not.
func tellsOf(t testing.TB, key string, b []byte) bool {
	t.Helper()
	var r io.Reader = bytes.NewReader(b)
	switch {
	case strings.HasSuffix(key, ".gz"):
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		r = z
	case strings.HasSuffix(key, ".zst"):
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		defer z.Close()
		r = z
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return bytes.Contains(plain, []byte(secret)) || bytes.Contains(b, []byte(secret))
}

// holding returns the keys of what holds the secret.
func holding(t testing.TB, b bucket.Bucket) (keys []string) {
	t.Helper()
	for info, err := range b.List(context.Background(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		body, err := bucket.ReadAll(context.Background(), b, info.Key, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		if tellsOf(t, info.Key, body) {
			keys = append(keys, info.Key)
		}
	}
	return keys
}

// A silent bucket lets nothing through that tells the secret.
type silent struct {
	*memory.Bucket
	t    testing.TB
	told bool
}

func (b *silent) tell(key string, body bucket.Body) {
	r, err := body.Open()
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.told = b.told || tellsOf(b.t, key, p)
}

func (b *silent) Create(ctx context.Context, key string, body bucket.Body) error {
	b.tell(key, body)
	return b.Bucket.Create(ctx, key, body)
}

func (b *silent) Replace(ctx context.Context, key string, was [32]byte, body bucket.Body) error {
	b.tell(key, body)
	return b.Bucket.Replace(ctx, key, was, body)
}

// discreet judges a visit as ingest does once the secret was erased: its page is
// to be redacted, and what it shows beside that is news.
func discreet(ctx context.Context, w *world, v *archive.Visit) (archive.Draft, error) {
	d, err := judge(ctx, w, v)
	if err != nil {
		return d, err
	}
	d.Redact = map[onrecord.StatementID][]onrecord.CaptureRef{}
	for i, e := range d.Events {
		text := e.Content.Text
		if !strings.Contains(text, secret) {
			continue
		}
		d.Redact[secretID] = append(d.Redact[secretID], e.Captures...)
		c := onrecord.Content{Type: "post", Text: "a neighbour"}
		e.Content, e.NativeID, e.Version = &c, "neighbour", c.Version()
		e.Statement = onrecord.NewStatementID("website", "neighbour")
		d.Events[i] = e
	}
	return d, nil
}

// commitDiscreet is commit, by that judgement.
func commitDiscreet(ctx context.Context, w *world, v *archive.Visit) error {
	for {
		d, err := discreet(ctx, w, v)
		if err != nil {
			return err
		}
		_, err = v.Commit(ctx, d)
		late, ok := errors.AsType[*archive.LateError](err)
		if !ok {
			return err
		}
		v = late.Visit
	}
}

// restartDiscreet is restart, by that judgement.
func restartDiscreet(ctx context.Context, w *world, a *archive.Archive) error {
	for v, err := range a.Recover(ctx) {
		if err == nil {
			err = commitDiscreet(ctx, w, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// publish has the secret in the record, beside something else.
func publish(t testing.TB, w *world, a *archive.Archive) {
	t.Helper()
	ctx := context.Background()
	v, err := read(ctx, w, a, "press", "a lamp")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Record(ctx, exchange(w, secret)); err != nil {
		t.Fatal(err)
	}
	d, err := judge(ctx, w, v)
	if err != nil {
		t.Fatal(err)
	}
	d.Events[1].Statement, d.Events[1].NativeID = secretID, "secret"
	if _, err := v.Commit(ctx, d); err != nil {
		t.Fatal(err)
	}
}

// order records the erasure of the secret.
func order(t testing.TB, w *world, a *archive.Archive) archive.Ordered {
	t.Helper()
	ctx := context.Background()
	var e onrecord.Erasure
	for entry, err := range a.Walk(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Event.Statement != secretID || entry.Event.Type != onrecord.StatementCreated {
			continue
		}
		e.Leaves = append(e.Leaves, entry.Index)
		for _, c := range entry.Event.Captures {
			e.Records = append(e.Records, onrecord.Span{Object: c.Object, Offset: c.Offset, Length: c.Length})
		}
	}
	plan, err := a.PlanErasure(ctx, e, "T-1")
	if err != nil {
		t.Fatal(err)
	}
	down := onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundLaw, Reason: "personal data"}
	acts(t, w, a, onrecord.Event{
		Type: onrecord.StatementErased, At: w.now(), By: w.now(), Figure: "jane-example", Statement: secretID, Takedown: &down, Erasure: &plan,
		Account: onrecord.AccountRef{Platform: "website", ID: "jane.example"}, Provenance: onrecord.Captured, Index: -1, Prev: e.Leaves[0],
	})
	red, err := a.Redactions(ctx)
	if err != nil || len(red.Pending()) != 1 {
		t.Fatalf("%d erasures, %v", len(red.Pending()), err)
	}
	return red.Pending()[0]
}

// acts records an act of the operator.
func acts(t testing.TB, w *world, a *archive.Archive, e onrecord.Event) {
	t.Helper()
	v, err := a.Begin(context.Background(), archive.Source{Source: archive.BuiltIn, Platform: archive.BuiltIn}, "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	next := v.State()
	next.Source, next.Platform = archive.BuiltIn, archive.BuiltIn
	if _, err := v.Commit(context.Background(), archive.Draft{
		Outcome: onrecord.OutcomeOK, Started: w.now(), Ended: w.now(), Next: next, Events: []onrecord.Event{e},
	}); err != nil {
		t.Fatal(err)
	}
}

// erase erases the secret.
func erase(t testing.TB, w *world, a *archive.Archive) {
	t.Helper()
	if err := a.Erase(context.Background(), order(t, w, a)); err != nil {
		t.Fatal(err)
	}
}

// TestErasedIsNotPut: a visit that shows again what was erased puts none of it,
// whoever commits it.
func TestErasedIsNotPut(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(ctx context.Context, w *world, b bucket.Bucket, dir string, a *archive.Archive) error{
		"at once": func(ctx context.Context, w *world, _ bucket.Bucket, _ string, a *archive.Archive) error {
			v, err := read(ctx, w, a, "press", secret)
			if err != nil {
				return err
			}
			return commitDiscreet(ctx, w, v)
		},
		"after a crash before judgement": func(ctx context.Context, w *world, b bucket.Bucket, dir string, a *archive.Archive) error {
			v, err := read(ctx, w, a, "press", secret)
			if err != nil {
				return err
			}
			return errors.Join(v.Close(), restartDiscreet(ctx, w, a))
		},
		"overtaken": func(ctx context.Context, w *world, b bucket.Bucket, dir string, a *archive.Archive) error {
			v, err := read(ctx, w, a, "press", secret)
			if err != nil {
				return err
			}
			other, err := archive.Open(ctx, b, w.options(dir+"/other", 9))
			if err != nil {
				return err
			}
			if _, err := visit(ctx, w, other, "press", "faster"); err != nil {
				return err
			}
			return commitDiscreet(ctx, w, v)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b, dir := newWorld(t), &silent{Bucket: &memory.Bucket{}, t: t}, fastDir(t)
			a := w.init(t, b, dir)
			publish(t, w, a)
			erase(t, w, a)
			b.told = false
			if err := play(t.Context(), w, b, dir, a); err != nil {
				t.Fatal(err)
			}
			if b.told {
				t.Error("what was erased was put again")
			}
			silence(t, w, b, dir, a)
		})
	}
}

// silence checks that nothing tells, that the neighbour is in the record, and
// that all is well.
func silence(t *testing.T, w *world, b bucket.Bucket, dir string, a *archive.Archive) {
	t.Helper()
	if keys := holding(t, b); len(keys) > 0 {
		t.Errorf("the bucket still tells: %q", keys)
	}
	if n := texts(walk(t, a))["a neighbour"]; n != 1 {
		t.Errorf("the neighbour is in the record %d times", n)
	}
	r := verified(t, a)
	if r.Redacted == 0 {
		t.Error("verify counts no redacted record")
	}
	if keys := spoolTells(t, dir); len(keys) > 0 {
		t.Errorf("the spool still tells: %q", keys)
	}
	for range 2 {
		w.wait(time.Hour)
		if err := restart(t.Context(), w, a); err != nil {
			t.Fatal(err)
		}
	}
	if n := archive.Spooled(t.Context(), a); n != 0 {
		t.Errorf("%d spools left", n)
	}
}

// TestErasedWhileOnItsWay: a visit has put its WARC when the statement is
// erased, and loses its fence. What it has put is in no ledger, and is replaced.
func TestErasedWhileOnItsWay(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"dies", "dies and again after its plan"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
			a := w.init(t, b, dir)
			publish(t, w, a)
			dying := failOnce(b, fault.Rule{Op: fault.Swap, Key: "state/press.json", Nth: 1}, true)
			v, err := read(t.Context(), w, w.open(t, dying, dir, 3), "press", secret)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := commit(t.Context(), w, v); err == nil {
				t.Fatal("committed without its fence")
			}
			erase(t, w, a)
			if err := a.Forget(t.Context(), "press", func(*onrecord.SourceState) {}); err != nil {
				t.Fatal(err)
			}
			if keys := holding(t, b); len(keys) != 2 { // what was put: the WARC and the segment that never came into the ledger
				t.Fatalf("the bucket holds %q", keys)
			}
			if at != "dies" {
				dying := failOnce(b, fault.Rule{Op: fault.Replace, Nth: 1, Do: fault.LoseReply}, true)
				if err := restartDiscreet(t.Context(), w, w.open(t, dying, dir, 4)); err == nil || !dying.struck {
					t.Fatalf("restart: %v, struck %v", err, dying.struck)
				}
			}
			if err := restartDiscreet(t.Context(), w, a); err != nil {
				t.Fatal(err)
			}
			silence(t, w, b, dir, a)
		})
	}
}

// TestCrashInErasure breaks an erasure at every call of the bucket: nothing that
// verify calls damaged, no tombstone that no event orders, and the next start
// goes on.
func TestCrashInErasure(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	type play struct {
		n    int
		do   fault.Failure
		dies bool
	}
	run := func(t *testing.T, p play) (struck bool) {
		w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
		a := w.init(t, b, dir)
		publish(t, w, a)
		o := order(t, w, a)
		seen := failOnce(b, fault.Rule{Nth: p.n, Do: p.do}, p.dies)
		if actor, err := archive.Open(t.Context(), seen, w.options(dir, 5)); err == nil {
			if err = actor.Erase(t.Context(), o); err == nil && seen.struck && p.dies {
				t.Errorf("%+v: done, they say", p)
			}
		}
		verified(t, a) // as it lies there
		other := w.open(t, b, dir, 6)
		red, err := other.Redactions(t.Context())
		if err != nil || len(red.Pending()) != 1 {
			t.Fatalf("%+v: %d pending, %v", p, len(red.Pending()), err)
		}
		if err := other.Erase(t.Context(), red.Pending()[0]); err != nil {
			t.Fatalf("%+v: the next start: %v", p, err)
		}
		if keys := append(holding(t, b), spoolTells(t, dir)...); len(keys) > 0 {
			t.Errorf("%+v: still there: %q", p, keys)
		}
		verified(t, other)
		return seen.struck
	}
	for n, more := 1, true; more; n++ {
		more = false
		for _, do := range []fault.Failure{fault.Refuse, fault.LoseReply} {
			for _, dies := range []bool{false, true} {
				more = run(t, play{n, do, dies}) || more
			}
		}
		if !more && n < 12 {
			t.Errorf("only %d calls", n)
		}
	}
}

// TestErasedFromLooks: what a visit recorded, and did not keep, lies in the spool
// until the visit is read back. An erasure does not wait for that.
func TestErasedFromLooks(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	publish(t, w, a)
	v, err := read(ctx, w, a, "press", secret)
	if err != nil {
		t.Fatal(err)
	}
	d, err := judge(ctx, w, v)
	if err != nil {
		t.Fatal(err)
	}
	d.KeepWARC, d.Events = false, []onrecord.Event{said("press", "quiet", "a neighbour")}
	if _, err := v.Commit(ctx, d); err != nil {
		t.Fatal(err)
	}
	o := order(t, w, a)
	if found := spoolTells(t, dir); len(found) < 2 {
		t.Fatalf("before: %q", found)
	}
	if err := a.Erase(ctx, o); err != nil {
		t.Fatal(err)
	}
	if archive.Spooled(ctx, a) == 0 {
		t.Error("the visit is not read back any more")
	}
	silence(t, w, b, dir, a)
}

// TestErasedFromRepeats: what a visit met again is not in its WARC, which refers to
// the capture before, but beside it in the spool. An erasure blanks that, too, and
// leaves the visit what it needs until it is read back.
func TestErasedFromRepeats(t *testing.T) {
	ctx, w, b, dir := t.Context(), newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	publish(t, w, a)
	v, err := a.Begin(ctx, press("press"), "feed", "feed/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	x := exchange(w, secret)
	sum := sha256.Sum256(x.Payload)
	x.Prior = &onrecord.Prior{URL: x.URL, At: w.now().Add(-time.Hour), Digest: hex.EncodeToString(sum[:])}
	if _, err := v.Record(ctx, x); err != nil {
		t.Fatal(err)
	}
	d, err := judge(ctx, w, v)
	if err != nil {
		t.Fatal(err)
	}
	d.Events = []onrecord.Event{said("press", "quiet", "a neighbour")}
	if _, err := v.Commit(ctx, d); err != nil {
		t.Fatal(err)
	}
	o := order(t, w, a)
	if err := a.Erase(ctx, o); err != nil {
		t.Fatal(err)
	}
	if archive.Spooled(ctx, a) == 0 {
		t.Error("the visit is not read back any more")
	}
	silence(t, w, b, dir, a)
}

// spoolTells returns the files below dir that tell the secret.
func spoolTells(t testing.TB, dir string) (found []string) {
	t.Helper()
	for name, b := range filesBelow(t, dir) {
		if tellsOf(t, name, b) {
			found = append(found, fmt.Sprintf("%s (%d bytes)", name, len(b)))
		}
	}
	return found
}

// filesBelow returns the files below a folder.
func filesBelow(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		out[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A keeping bucket keeps what is replaced and removed.
type keeping struct{ *memory.Bucket }

func (keeping) Erases(context.Context) error { return fmt.Errorf("%w: object lock", bucket.ErrKeeps) }

// TestEraseWhereNothingCanBeErased: the erasure is recorded, its event names what
// stays, and nothing that is read from the record tells of it.
func TestEraseWhereNothingCanBeErased(t *testing.T) {
	t.Parallel()
	w, b, dir := newWorld(t), keeping{&memory.Bucket{}}, fastDir(t)
	a := w.init(t, b, dir)
	publish(t, w, a)
	o := order(t, w, a)
	if err := a.Erase(t.Context(), o); !errors.Is(err, archive.ErrKeeps) {
		t.Fatalf("erase: %v", err)
	}
	if found := spoolTells(t, dir); len(found) > 0 {
		t.Errorf("the spool still tells: %q", found)
	}
	kept, err := a.Kept(t.Context(), o)
	if err != nil || len(kept) != 2 { // WARC and segment
		t.Fatalf("kept %+v, %v", kept, err)
	}
	verified(t, a) // not carried out yet
	acts(t, w, a, onrecord.Event{
		Type: onrecord.ArchiveErasureDone, At: w.now(), By: w.now(), Provenance: onrecord.Captured, Index: -1, Prev: o.Index,
		Takedown: &onrecord.Takedown{Case: "T-1"}, Erasure: &onrecord.Erasure{Objects: kept},
	})
	if r := verified(t, a); r.Kept != 2 || r.Erased != 0 {
		t.Errorf("verify: %d objects kept, %d tombstones", r.Kept, r.Erased)
	}
	other := w.open(t, b, fastDir(t), 7)
	if red, err := other.Redactions(t.Context()); err != nil || len(red.Pending()) > 0 || len(red.Keeps()) != 2 {
		t.Errorf("%v, %v", red, err)
	}
	if n := texts(walk(t, other))["<feed>"+secret+"</feed>"]; n != 0 {
		t.Error("a rebuild brings it back")
	}
	if _, _, err := other.Line(t.Context(), o.Erasure.Leaves[0]); !errors.Is(err, archive.ErrErased) {
		t.Errorf("the line: %v", err)
	}
	// A replica gets everything else.
	to := &memory.Bucket{}
	for range 2 {
		if _, err := a.Replica(to).Replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if keys := holding(t, to); len(keys) > 0 {
		t.Errorf("the replica has %q", keys)
	}
}
