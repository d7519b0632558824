// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// tryAppend appends one leaf to what the bucket shows now, and publishes.
func tryAppend(t *testing.T, l *ledger.Ledger, one ledger.Leaf) error {
	t.Helper()
	h, tag, err := l.Head(t.Context())
	if err != nil {
		return err
	}
	if h, _, err = l.Append(t.Context(), h, tag, []ledger.Leaf{one}); err != nil {
		return err
	}
	return l.Publish(t.Context(), h)
}

// refused checks that an append fails with want and writes nothing.
func refused(t *testing.T, b *memory.Bucket, o ledger.Options, want error) {
	t.Helper()
	watched := fault.New(b, fault.Options{})
	l := open(t, watched, o)
	if err := tryAppend(t, l, leaf(9999)); !errors.Is(err, want) {
		t.Errorf("append: %v, want %v", err, want)
	}
	for _, c := range watched.Calls() {
		if c.Op.Writes() {
			t.Errorf("the refused append made the call %v", c)
		}
	}
}

// TestRollBack restores the whole bucket from an older copy, in several ways.
func TestRollBack(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	grow(t, l, 300, 100)
	old := b.Clone()
	grow(t, l, 310, 5)

	t.Run("whole bucket", func(t *testing.T) {
		refused(t, old.Clone(), o, ledger.ErrRolledBack)
	})
	t.Run("head alone", func(t *testing.T) {
		b := b.Clone()
		restore(t, b, old, ledger.HeadKey)
		refused(t, b, copyMark(t, o), ledger.ErrRolledBack)
	})
	t.Run("checkpoint alone", func(t *testing.T) {
		// The mark and the tiles prove the head, so this heals.
		b := b.Clone()
		restore(t, b, old, ledger.CheckpointKey)
		l := open(t, b, copyMark(t, o))
		if err := tryAppend(t, l, leaf(310)); err != nil {
			t.Fatal(err)
		}
		checkLog(t, l, leaves(0, 311))
	})
	t.Run("other history", func(t *testing.T) {
		// A signer that has lost its mark goes on from the old copy, and grows
		// beyond what the first one signed.
		fork := old.Clone()
		forked := o
		forked.Mark, forked.Trust = filepath.Join(t.TempDir(), "mark"), true
		for i := range int64(20) {
			if err := tryAppend(t, open(t, fork, forked), leaf(5000+i)); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, fork, copyMark(t, o), ledger.ErrTampered)
	})
	t.Run("others have seen more", func(t *testing.T) {
		c, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		o := o
		o.Mark, o.Trust = filepath.Join(t.TempDir(), "mark"), true
		seen := ledger.Sighting{By: "a replica", Size: c.Size, Root: c.Root}
		o.Known = func(context.Context) ([]ledger.Sighting, error) { return []ledger.Sighting{seen}, nil }
		refused(t, old.Clone(), o, ledger.ErrRolledBack)
		refused(t, old.Clone(), o, ledger.ErrSeenMore)
		seen.Root = [32]byte{} // a witness tells no more than its size
		refused(t, old.Clone(), o, ledger.ErrSeenMore)
		if err := tryAppend(t, open(t, b.Clone(), o), leaf(310)); err != nil {
			t.Errorf("a witness that agrees: %v", err)
		}
	})
}

// TestPublishAnotherHistory has a head of another history in the bucket
// already: signing it is refused as well.
func TestPublishAnotherHistory(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	grow(t, l, 300, 100)
	old := b.Clone()
	grow(t, l, 310, 5)
	forked := o
	forked.Mark, forked.Trust = filepath.Join(t.TempDir(), "mark"), true
	h, tag, err := open(t, old, forked).Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range [][]ledger.Leaf{leaves(5000, 5003), leaves(5000, 5010), leaves(5000, 5020)} {
		b := old.Clone()
		h, _, err := open(t, b, forked).Append(t.Context(), h, tag, batch)
		if err != nil {
			t.Fatal(err)
		}
		l := open(t, b, copyMark(t, o))
		if err := l.Publish(t.Context(), h); !errors.Is(err, ledger.ErrTampered) && !errors.Is(err, ledger.ErrRolledBack) {
			t.Errorf("%d other leaves: %v", len(batch), err)
		}
		if c, err := l.Checkpoint(t.Context()); err != nil || c.Size != 300 {
			t.Errorf("checkpoint has size %d, %v", c.Size, err)
		}
	}
}

// restore puts the register of another bucket in place of b's.
func restore(t *testing.T, b, old *memory.Bucket, key string) {
	t.Helper()
	body, _, err := old.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Damage(key, func([]byte) []byte { return body }) {
		t.Fatalf("no %s", key)
	}
}

// TestLostSuffix has a store that forgot the last heads, tiles and
// checkpoints. The same leaves put back are allowed; other leaves are not.
func TestLostSuffix(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	l := create(t, &b, o)
	grow(t, l, 300, 100)
	old := b.Clone()
	grow(t, l, 310, 5)

	refused(t, old.Clone(), o, ledger.ErrRolledBack)
	mended := open(t, old, o)
	h, tag, err := mended.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := leaves(300, 310)
	other[3].Line++
	if _, _, err := mended.Append(t.Context(), h, tag, other); !errors.Is(err, ledger.ErrTampered) {
		t.Errorf("other leaves: %v, want ErrTampered", err)
	}
	if h, _, err = mended.Append(t.Context(), h, tag, leaves(300, 310)); err != nil {
		t.Fatalf("the same leaves: %v", err)
	}
	if err := mended.Publish(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	checkLog(t, mended, leaves(0, 310))
}

func TestNoMark(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	grow(t, create(t, &b, o), 10, 10)
	if err := os.Remove(o.Mark); err != nil {
		t.Fatal(err)
	}
	refused(t, &b, o, ledger.ErrNoMark)
	o.Trust = true
	l := open(t, &b, o)
	if err := tryAppend(t, l, leaf(10)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.Mark)
	if err != nil || !strings.Contains(string(text), "\n"+origin+"\n11\n") {
		t.Errorf("mark is %q, %v", text, err)
	}
	for _, text := range []string{"", "x", "onrecord high-water mark v1\nother.example\n3\n", strings.Replace(string(text), origin, "other.example", 1)} {
		if err := os.WriteFile(o.Mark, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tryAppend(t, l, leaf(11)); err == nil {
			t.Errorf("the mark %q was taken", text)
		}
	}
}

// TestMarkComesFirst looks at the mark at the moment at which a checkpoint
// leaves the process.
func TestMarkComesFirst(t *testing.T) {
	o := options(t)
	var inner memory.Bucket
	seen := 0
	b := fault.New(&inner, fault.Options{Before: func(ctx context.Context, c fault.Call) error {
		if c.Op != fault.Swap || c.Key != ledger.CheckpointKey {
			return nil
		}
		h, _, err := open(t, &inner, o).Head(ctx)
		if err != nil {
			return err
		}
		mark, err := os.ReadFile(o.Mark)
		if err != nil {
			return err
		}
		seen++
		if want := "\n" + strconv.FormatInt(h.Size, 10) + "\n"; !strings.Contains(string(mark), want) {
			t.Errorf("a checkpoint of size %d leaves while the mark is %q", h.Size, mark)
		}
		return nil
	}})
	grow(t, create(t, b, o), 5, 1)
	if seen != 6 {
		t.Errorf("%d checkpoints, want 6", seen)
	}
}

// resealed puts the right checksum at the end of a head that was changed.
func resealed(p []byte) []byte {
	return bucket.Seal(append(p[:strings.LastIndex(string(p), `,"sum":`)], '}'))
}

// TestForgedHead changes each part of log/head.
func TestForgedHead(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	grow(t, create(t, &b, o), 300, 100)
	body, _, err := b.Load(t.Context(), ledger.HeadKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"size":3`, `"root":"`, `"edge":["`, `"base":["`, `"batch":"AAA`, `"v":`} {
		b := b.Clone()
		b.Damage(ledger.HeadKey, func(p []byte) []byte {
			i := strings.Index(string(p), part) + len(part)
			if p[i]++; p[i] > 'z' {
				p[i] = 'a'
			}
			return resealed(p)
		})
		if _, _, err := open(t, b, o).Head(t.Context()); err == nil {
			t.Errorf("a head with another %s was taken", part)
		}
	}
	for _, text := range []string{"", "{}", "null", string(body) + "{}", "[1]", strings.Repeat("[", 100), string(bucket.Seal([]byte(strings.Split(string(body), `,"sum":`)[0] + "}{}")))} {
		b.Damage(ledger.HeadKey, func([]byte) []byte { return []byte(text) })
		if _, _, err := open(t, &b, o).Head(t.Context()); err == nil {
			t.Errorf("the head %.40q was taken", text)
		}
	}
}

// TestForgedCheckpoint has checkpoints of another key, and of another origin.
func TestForgedCheckpoint(t *testing.T) {
	var b memory.Bucket
	o := options(t)
	grow(t, create(t, &b, o), 10, 10)
	other := options(t)
	var foreign memory.Bucket
	grow(t, create(t, &foreign, other), 10, 10)
	forged := b.Clone()
	restore(t, forged, &foreign, ledger.CheckpointKey)
	if _, err := open(t, forged, o).Checkpoint(t.Context()); !errors.Is(err, ledger.ErrCheckpoint) {
		t.Errorf("checkpoint of another key: %v, want ErrCheckpoint", err)
	}
	refused(t, forged, o, ledger.ErrCheckpoint)
	b.Damage(ledger.CheckpointKey, func(p []byte) []byte { return []byte(strings.Replace(string(p), "\n10\n", "\n11\n", 1)) })
	refused(t, &b, o, ledger.ErrCheckpoint)
	b.Damage(ledger.CheckpointKey, func([]byte) []byte { return nil })
	refused(t, &b, o, bucket.ErrNotExist)
}
