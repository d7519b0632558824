// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"bytes"
	"encoding/json"
	"errors"
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

// changed returns an archive whose key was changed once, and its keys.
func changed(t *testing.T) (w *world, b *memory.Bucket, dir string, first, second archive.NewKey) {
	t.Helper()
	w, b, dir = newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	first, second = w.firstKey(), nextKey(t, origin, 1)
	if _, err := a.RotateKey(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if _, err := visit(t.Context(), w, opened(t, b, w.with(t, dir, 11, second)), "press", "after it"); err != nil {
		t.Fatal(err)
	}
	return w, b, dir, first, second
}

func putsSnapshot(t *testing.T, a *archive.Archive) error {
	t.Helper()
	head, err := a.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "catalog.db")
	if err := os.WriteFile(path, []byte("rows"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = a.PutSnapshot(t.Context(), path, head.Tree, "1")
	return err
}

func countSnapshots(t *testing.T, a *archive.Archive) (good, bad int) {
	t.Helper()
	for _, err := range a.Snapshots(t.Context()) {
		if err != nil {
			bad++
		} else {
			good++
		}
	}
	return good, bad
}

// TestSnapshotsOfTheKeyInForce: a key that was replaced signs no snapshot, and
// those that it had signed go with it.
func TestSnapshotsOfTheKeyInForce(t *testing.T) {
	w, b, dir := newWorld(t), &memory.Bucket{}, fastDir(t)
	a := w.init(t, b, dir)
	if err := putsSnapshot(t, a); err != nil {
		t.Fatal(err)
	}
	next := nextKey(t, origin, 1)
	if _, err := a.RotateKey(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	if good, bad := countSnapshots(t, a); good+bad != 0 {
		t.Errorf("after the change: %d snapshots, %d that are none", good, bad)
	}
	if err := putsSnapshot(t, a); err != nil { // this process has the new key, too
		t.Fatal(err)
	}
	if good, bad := countSnapshots(t, opened(t, b, w.with(t, dir, 3, next))); good != 1 || bad != 0 {
		t.Errorf("a new one: %d, %d that are none", good, bad)
	}
	// A forger has the first key, and the bucket.
	b.Damage("views/catalog/"+sizeOf(t, a)+".db.zst.note", func(old []byte) []byte {
		text, _, _ := strings.Cut(string(old), "\n\n")
		forged, err := note.Sign(&note.Note{Text: text + "\n"}, w.firstKey().Signer)
		if err != nil {
			t.Fatal(err)
		}
		return forged
	})
	if good, bad := countSnapshots(t, a); good != 0 || bad != 1 {
		t.Errorf("a forged one: %d, %d that are none", good, bad)
	}
}

func sizeOf(t *testing.T, a *archive.Archive) string {
	t.Helper()
	head, err := a.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(head.Size)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// findings verifies b with a key and returns the objects that are not right.
func findings(t *testing.T, w *world, b bucket.Bucket, k archive.NewKey) string {
	t.Helper()
	r, err := opened(t, b, archive.Options{Verifier: verifierOf(t, k.Public), Now: w.now}).Verify(t.Context(), archive.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.Kind+" "+f.Object)
	}
	return strings.Join(list, ", ")
}

// TestHeadWithoutItsChangesOfTheKey strips them: verify names the head, and
// nobody goes on from there, above all not with another change.
func TestHeadWithoutItsChangesOfTheKey(t *testing.T) {
	w, b, dir, first, second := changed(t)
	b.Damage(ledger.HeadKey, func(old []byte) []byte {
		var head map[string]json.RawMessage
		if err := json.Unmarshal(old, &head); err != nil {
			t.Fatal(err)
		}
		delete(head, "keys")
		delete(head, "sum")
		stripped, err := json.Marshal(head)
		if err != nil {
			t.Fatal(err)
		}
		return bucket.Seal(stripped)
	})
	for _, k := range []archive.NewKey{first, second} {
		if got := findings(t, w, b, k); got != "head log/head" {
			t.Errorf("with %s: %s", k.Public, got)
		}
	}
	a := opened(t, b, w.with(t, dir, 12, second))
	if _, err := a.RotateKey(t.Context(), nextKey(t, origin, 2)); !errors.Is(err, ledger.ErrTampered) {
		t.Errorf("change the key: %v", err)
	}
	if _, err := visit(t.Context(), w, a, "press", "more"); !errors.Is(err, ledger.ErrTampered) {
		t.Errorf("go on: %v", err)
	}
}

// TestIndexOfAChangeOfTheKey moves a change of the key, in its object and in the
// head: the line there says nothing of it.
func TestIndexOfAChangeOfTheKey(t *testing.T) {
	w, b, _, first, second := changed(t)
	move := func(key string, from, to string) {
		t.Helper()
		b.Damage(key, func(old []byte) []byte {
			if !bytes.Contains(old, []byte(from)) {
				t.Fatalf("%s: no %s", key, from)
			}
			out := bytes.Replace(old, []byte(from), []byte(to), 1)
			if at := bytes.LastIndex(out, []byte(`,"sum":"`)); key == ledger.HeadKey {
				out = bucket.Seal(append(out[:at:at], '}'))
			}
			return out
		})
	}
	a := opened(t, b, archive.Options{Verifier: verifierOf(t, second.Public), Now: w.now})
	keys, err := a.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	was, err := json.Marshal(keys.InForce().Since)
	if err != nil {
		t.Fatal(err)
	}
	now, err := json.Marshal(keys.InForce().Since + 1)
	if err != nil {
		t.Fatal(err)
	}
	move("log/keys/1", `"index": `+string(was), `"index": `+string(now))
	move(ledger.HeadKey, `"index":`+string(was), `"index":`+string(now))
	for _, k := range []archive.NewKey{first, second} {
		if got := findings(t, w, b, k); got != "tile log/keys/1" {
			t.Errorf("with %s: %s", k.Public, got)
		}
	}
}

// TestSomethingBehindTheChangesOfTheKey puts what is no change behind the last
// one, and where there is none: verify names it, and all goes on.
func TestSomethingBehindTheChangesOfTheKey(t *testing.T) {
	for _, body := range []string{"nothing", `{"v":1,"index":5,"note":"nothing"}`} {
		w, b, dir, first, second := changed(t)
		put(t, b, "log/keys/2", []byte(body))
		for _, k := range []archive.NewKey{first, second} {
			if got := findings(t, w, b, k); got != "tile log/keys/2" {
				t.Errorf("with %s: %s", k.Public, got)
			}
		}
		a := opened(t, b, w.with(t, dir, 12, second))
		if _, err := a.Keys(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := visit(t.Context(), w, a, "press", "more"); err != nil {
			t.Error(err)
		}

		w, b = newWorld(t), &memory.Bucket{}
		a = w.init(t, b, fastDir(t))
		put(t, b, "log/keys/1", []byte(body))
		if _, err := visit(t.Context(), w, a, "press", "more"); err != nil {
			t.Error(err)
		}
		if got := findings(t, w, b, w.firstKey()); got != "tile log/keys/1" {
			t.Errorf("never changed: %s", got)
		}
	}
}
