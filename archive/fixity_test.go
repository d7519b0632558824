// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/archive/bucket/disk"
	"onrecord/archive/bucket/fault"
	"onrecord/archive/bucket/memory"
)

// kept makes an archive of several visits in a folder that can be damaged.
func kept(t *testing.T) (w *world, folder string) {
	t.Helper()
	w, folder = newWorld(t), t.TempDir()
	b, err := disk.Open(folder, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a := w.init(t, b, t.TempDir())
	for _, text := range []string{"one", "two", "three"} {
		if _, err := visit(t.Context(), w, a, "press", text); err != nil {
			t.Fatal(err)
		}
	}
	return w, folder
}

// verify opens the archive in folder for reading and verifies it.
func verify(t *testing.T, w *world, folder string) archive.Report {
	t.Helper()
	b, err := disk.Open(folder, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a, err := archive.Open(t.Context(), b, archive.Options{Now: w.now, Origin: origin, PublicKey: w.public})
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// files returns the objects in folder whose keys begin with prefix.
func files(t testing.TB, folder, prefix string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		key, _ := filepath.Rel(folder, path)
		if err == nil && !d.IsDir() && strings.HasPrefix(filepath.ToSlash(key), prefix) {
			out = append(out, filepath.ToSlash(key))
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("no files under %s (%v)", prefix, err)
	}
	slices.Sort(out)
	return out
}

// named reports whether a finding names the object, and is of this kind.
func named(r archive.Report, kind, key string) bool {
	return slices.ContainsFunc(r.Findings, func(f archive.Finding) bool { return f.Kind == kind && f.Object == key })
}

func TestVerifyNamesEveryFlippedByte(t *testing.T) {
	w, folder := kept(t)
	if r := verify(t, w, folder); len(r.Findings) != 0 {
		t.Fatalf("before any damage: %v", r.Findings)
	}
	for _, tt := range []struct {
		kind, prefix string
		last         bool // the last object under prefix
		steps        int  // how many places are tried
	}{
		{archive.KindJournal, "journal/", false, 40},
		{archive.KindJournal, "journal/", true, 40},
		{archive.KindCapture, "captures/", false, 40},
		{archive.KindCapture, "captures/", true, 40},
		{archive.KindTile, "log/tile/0/", true, 20},
		{archive.KindTile, "log/tile/entries/", true, 20},
		{archive.KindCheckpoint, "log/checkpoint", true, 20},
		{archive.KindHead, "log/head", true, 20},
		{archive.KindMeta, "onrecord.json", true, 0},
	} {
		t.Run(tt.prefix, func(t *testing.T) {
			keys := files(t, folder, tt.prefix)
			key := keys[0]
			if tt.last {
				key = keys[len(keys)-1]
			}
			path := filepath.Join(folder, filepath.FromSlash(key))
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := os.WriteFile(path, whole, 0o600); err != nil {
					t.Fatal(err)
				}
			}()
			places := []int{0, len(whole) - 1}
			if tt.steps == 0 { // onrecord.json: a letter of the name, or it would not open at all
				places = []int{strings.Index(string(whole), "Archive Example")}
			}
			for i := range tt.steps {
				places = append(places, i*len(whole)/tt.steps)
			}
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, at := range places {
				bad := slices.Clone(whole)
				bad[at] ^= 1
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if r := verify(t, w, folder); !named(r, tt.kind, key) {
					t.Errorf("byte %d of %s flipped (%q): %v", at, key, whole[at], r.Findings)
				}
			}
		})
	}
}

func TestVerifyNamesAllThatIsMissing(t *testing.T) {
	w, folder := kept(t)
	journals, captures := files(t, folder, "journal/"), files(t, folder, "captures/")
	gone := []string{journals[1], journals[2], captures[2]}
	for _, key := range gone {
		if err := os.Remove(filepath.Join(folder, filepath.FromSlash(key))); err != nil {
			t.Fatal(err)
		}
	}
	r := verify(t, w, folder)
	for i, kind := range []string{archive.KindJournal, archive.KindJournal, archive.KindCapture} {
		if !named(r, kind, gone[i]) {
			t.Errorf("%s is missing, verify finds %v", gone[i], r.Findings)
		}
	}
}

func TestVerifyNamesAnAddedLine(t *testing.T) {
	w, folder := kept(t)
	key := files(t, folder, "journal/")[1]
	other := files(t, folder, "journal/")[2]
	path := filepath.Join(folder, filepath.FromSlash(key))
	a, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(other)))
	if err != nil {
		t.Fatal(err)
	}
	// The second frame of another segment: a valid line, which no leaf knows.
	frame := b[12+int(b[5])+int(b[6])<<8:]
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(a, frame...), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, w, folder); !named(r, archive.KindJournal, key) {
		t.Errorf("a line was added to %s, verify finds %v", key, r.Findings)
	}
}

func TestVerifyNamesAStateBeyondTheLedger(t *testing.T) {
	w, folder := kept(t)
	path := filepath.Join(folder, "state", "press.json")
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		strings.Replace(string(body), `"index":6`, `"index":60`, 1),
		strings.Replace(string(body), `"index":6`, `"index":5`, 1),
		string(body[:len(body)-1]),
		"{}",
	} {
		if bad == string(body) {
			t.Fatalf("nothing was changed in %s", body)
		}
		if i := strings.LastIndex(bad, `,"sum":`); i > 0 && strings.HasSuffix(bad, "}") {
			bad = string(bucket.Seal([]byte(bad[:i] + "}")))
		}
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, w, folder); !named(r, archive.KindState, "state/press.json") {
			t.Errorf("state is %s, verify finds %v", bad, r.Findings)
		}
	}
}

func TestVerifyCanNotGoOnWithoutABucket(t *testing.T) {
	ctx, w := t.Context(), newWorld(t)
	line := newCable(&memory.Bucket{})
	a := w.init(t, line, t.TempDir())
	if _, err := visit(ctx, w, a, "press", "one"); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		var left atomic.Int64 // reads come from more than one goroutine
		left.Store(int64(n))
		cut := fault.New(line, fault.Options{Before: func(context.Context, fault.Call) error {
			if left.Add(-1) < 0 {
				return errors.New("no route to host")
			}
			return nil
		}})
		a, err := archive.Open(ctx, cut, archive.Options{Now: w.now})
		if err != nil {
			t.Fatal(err)
		}
		r, err := a.Verify(ctx, archive.VerifyOptions{Workers: 1})
		if len(r.Findings) != 0 {
			t.Errorf("cut off after %d calls: %v", n, r.Findings)
		}
		if err == nil {
			if left.Load() < 0 {
				t.Errorf("cut off after %d calls, and nobody notices", n)
			}
			return
		}
		if !errors.Is(err, archive.ErrUnreachable) {
			t.Errorf("cut off after %d calls: %v", n, err)
		}
	}
}
