// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/memory"
	"onrecord/archive/ledger"
)

// snapshotOf puts a snapshot of text at size.
func snapshotOf(t *testing.T, a *archive.Archive, size int64, text string) archive.Snapshot {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalog.db")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := a.PutSnapshot(t.Context(), path, ledger.Tree{Size: size, Root: [32]byte{byte(size)}}, "7-abc")
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + "?*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return s
}

// snapshots lists what a reader finds.
func snapshots(t *testing.T, a *archive.Archive) (list []archive.Snapshot, errs []error) {
	t.Helper()
	for s, err := range a.Snapshots(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, s)
	}
	return list, errs
}

func TestSnapshots(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	text := strings.Repeat("a row of the catalog\n", 50_000)
	for _, size := range []int64{9, 10, 100} {
		snapshotOf(t, a, size, text)
	}
	again := snapshotOf(t, a, 100, text) // another machine, at the same size
	list, errs := snapshots(t, a)
	if len(errs) > 0 || len(list) != 2 || list[0] != again || list[1].Size != 10 {
		t.Fatalf("snapshots %+v, errors %v; want those of 100 and 10", list, errs)
	}
	if got := list[0]; got.Root != [32]byte{100} || got.Schema != "7-abc" || got.Plain != int64(len(text)) || got.Key() != "views/catalog/100.db.zst" {
		t.Errorf("snapshot %+v", got)
	}
	var out bytes.Buffer
	if err := a.ReadSnapshot(t.Context(), list[0], &out); err != nil || out.String() != text {
		t.Errorf("read %d bytes, error %v; want %d", out.Len(), err, len(text))
	}
	reader, err := archive.Open(t.Context(), b, archive.Options{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	if list, errs := snapshots(t, reader); len(list) != 2 || len(errs) > 0 {
		t.Errorf("a reader finds %+v, errors %v", list, errs)
	}
	if _, err := reader.PutSnapshot(t.Context(), "catalog.db", ledger.Tree{Size: 101}, "x"); !errors.Is(err, archive.ErrReadOnly) {
		t.Errorf("a reader's snapshot: error %v", err)
	}
	if err := a.RemoveSnapshots(t.Context()); err != nil {
		t.Fatal(err)
	}
	for info, err := range b.List(t.Context(), "views/", "") {
		t.Errorf("left %s, error %v", info.Key, err)
	}
}

// TestSnapshotForged changes what lies in the bucket: nothing of it is taken.
func TestSnapshotForged(t *testing.T) {
	w := newWorld(t)
	text := strings.Repeat("a row of the catalog\n", 1000)
	made := &memory.Bucket{}
	good := snapshotOf(t, w.init(t, made, fastDir(t)), 10, text)
	other := newWorld(t)
	private, public, err := ledger.GenerateKey(seeded(43), origin)
	if err != nil {
		t.Fatal(err)
	}
	if other.signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	other.public = public
	strange := &memory.Bucket{}
	forged := snapshotOf(t, other.init(t, strange, fastDir(t)), 10, text+"and one more\n")
	object, signed := bodyOf(t, made, good.Key()), bodyOf(t, made, good.Key()+".note")
	for name, c := range map[string]struct{ object, note []byte }{
		"another key":      {bodyOf(t, strange, forged.Key()), bodyOf(t, strange, forged.Key()+".note")},
		"bit of the note":  {object, bitFlipped(signed, 40)},
		"no checkpoint":    {object, bodyOf(t, made, "log/checkpoint")},
		"bit of the bytes": {bitFlipped(object, len(object)/2), signed},
		"cut":              {object[:len(object)-1], signed},
		"longer":           {append(bytes.Clone(object), 0), signed},
	} {
		t.Run(name, func(t *testing.T) {
			b := &memory.Bucket{}
			a := w.init(t, b, fastDir(t))
			putBody(t, b, good.Key(), c.object)
			putBody(t, b, good.Key()+".note", c.note)
			list, errs := snapshots(t, a)
			if len(errs) == 1 && errors.Is(errs[0], archive.ErrSnapshot) && strings.Contains(errs[0].Error(), good.Key()) {
				return
			}
			if len(list) != 1 || len(errs) > 0 {
				t.Fatalf("snapshots %+v, errors %v", list, errs)
			}
			if err := a.ReadSnapshot(t.Context(), list[0], io.Discard); err == nil {
				t.Error("read without error")
			}
		})
	}
}

func bitFlipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func bodyOf(t *testing.T, b bucket.Bucket, key string) []byte {
	t.Helper()
	body, err := bucket.ReadAll(t.Context(), b, key, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func putBody(t *testing.T, b bucket.Bucket, key string, body []byte) {
	t.Helper()
	if err := b.Create(t.Context(), key, bucket.Bytes(body)); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshotAndErasure: a copy that was made before an erasure, and is put
// after it has removed the snapshots, does not stay.
func TestSnapshotAndErasure(t *testing.T) {
	w, b := newWorld(t), &memory.Bucket{}
	a := w.init(t, b, fastDir(t))
	publish(t, w, a)
	head, err := a.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "catalog.db")
	if err := os.WriteFile(path, []byte("a row that tells the secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Erase(t.Context(), order(t, w, a)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.PutSnapshot(t.Context(), path, head.Tree, "7-abc"); !errors.Is(err, archive.ErrErased) {
		t.Errorf("a copy from before the erasure: error %v, want ErrErased", err)
	}
	for info, err := range b.List(t.Context(), "views/", "") {
		t.Errorf("left %s, error %v", info.Key, err)
	}
	if head, err = a.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.PutSnapshot(t.Context(), path, head.Tree, "7-abc"); err != nil {
		t.Errorf("a copy from after it: %v", err)
	}
}
