// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"onrecord"
	"onrecord/catalog"
)

// TestSnapshot copies a catalog that is in use, and goes on from the copy as
// from the catalog itself.
func TestSnapshot(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	c, l := temporary(t), &ledger{}
	lines := l.visit(noon, "masto", said(onrecord.StatementCreated, "17", "One of them", noon))
	if err := c.ApplyTo(ctx, sequence(lines), int64(len(lines)), [32]byte{7}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy.db")
	size, root, err := c.Snapshot(ctx, copied)
	if err != nil || size != int64(len(lines)) || root != [32]byte{7} {
		t.Fatalf("snapshot of size %d, root %x, error %v", size, root, err)
	}
	if _, _, err := c.Snapshot(ctx, copied); err == nil {
		t.Error("a snapshot took the place of another file")
	}
	more := l.visit(noon, "masto", said(onrecord.StatementCreated, "18", "Two of them", noon))
	apply(t, c, more...)

	body, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "other", "catalog.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if catalog.Exists(path) {
		t.Error("there is a catalog in an empty folder")
	}
	o := catalog.Options{MACKey: key}
	for name, damage := range map[string][]byte{"empty": nil, "cut": body[:len(body)/2], "text": []byte("no database")} {
		write := func(w io.Writer) error { _, err := w.Write(damage); return err }
		if _, err := catalog.Restore(ctx, path, o, size, root, write); !errors.Is(err, catalog.ErrRebuild) {
			t.Errorf("%s: error %v, want ErrRebuild", name, err)
		}
	}
	write := func(w io.Writer) error { _, err := w.Write(body); return err }
	if _, err := catalog.Restore(ctx, path, o, size+1, root, write); !errors.Is(err, catalog.ErrRebuild) {
		t.Errorf("a snapshot of another size: error %v, want ErrRebuild", err)
	}
	broken := errors.New("the bucket went away")
	if _, err := catalog.Restore(ctx, path, o, size, root, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error of the writer: %v", err)
	}
	if left, err := filepath.Glob(path + ".??????????*"); err != nil || len(left) > 1 {
		t.Errorf("left behind: %v %v", left, err)
	}

	r, err := catalog.Restore(ctx, path, o, size, root, write)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(ctx, sequence(more)); err != nil {
		t.Fatal(err)
	}
	if err := r.Replace(); err != nil {
		t.Fatal(err)
	}
	if !catalog.Exists(path) {
		t.Error("no catalog after Replace")
	}
	restored, err := catalog.Open(ctx, path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	var want, got bytes.Buffer
	if err := errors.Join(c.Dump(ctx, &want), restored.Dump(ctx, &got)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want.Bytes(), got.Bytes()) {
		t.Errorf("the restored catalog differs:\n%s\nwant\n%s", got.Bytes(), want.Bytes())
	}
	if n := total(t, restored, "them"); n != 2 {
		t.Errorf("%d statements found, want 2", n)
	}
}
