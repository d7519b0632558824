// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package spool_test

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive/files"
	"onrecord/archive/files/filestest"
	"onrecord/archive/spool"
)

// filesOf returns the files of a spool folder.
func filesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = b
	}
	return out
}

// lay writes files as a spool folder in a directory of its own.
func lay(t *testing.T, id onrecord.VisitID, files map[string][]byte) *spool.Dir {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, id.String()), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, id.String(), name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, dir, nil)
}

// history returns the files of a spool after each of its captures, of which
// the last is a revisit, so that every file grows.
func history(t *testing.T) (states []map[string][]byte, xs []onrecord.Exchange) {
	t.Helper()
	dir := t.TempDir()
	s := create(t, open(t, dir, nil), meta(t, 0))
	xs = []onrecord.Exchange{exchange(1), revisits()[0], revisits()[0]}
	xs[2].URL += "/again"
	for _, x := range xs {
		record(t, s, x)
		states = append(states, filesOf(t, filepath.Join(dir, visit(t, 0).String())))
	}
	return states, xs
}

// TestCrashInAppend stops the last append after every byte: of the WARC, of the
// payloads, of the index. What was acknowledged is there, the rest is cut, and
// the spool goes on.
func TestCrashInAppend(t *testing.T) {
	states, xs := history(t)
	before, after := states[1], states[2]
	name := visit(t, 0).String() + ".warc.gz"
	order := []string{name, "payloads", "index.ndjson"} // in which Record writes them
	for i, torn := range order {
		for n := len(before[torn]); n < len(after[torn]); n++ {
			disk := map[string][]byte{"meta.json": after["meta.json"]}
			for j, f := range order {
				switch {
				case j < i:
					disk[f] = after[f]
				case j == i:
					disk[f] = after[f][:n]
				default:
					disk[f] = before[f]
				}
			}
			cut := int64(0)
			for _, f := range order {
				cut += int64(len(disk[f]) - len(before[f]))
			}
			d := lay(t, visit(t, 0), disk)
			s := takeOne(t, d)
			if s.Cut() != cut {
				t.Fatalf("%s torn at %d: cut %d bytes, want %d", torn, n, s.Cut(), cut)
			}
			got, _ := entries(t, s)
			if diff := cmp.Diff(xs[:2], got, emptyIsNil); diff != "" {
				t.Fatalf("%s torn at %d:\n%s", torn, n, diff)
			}
			if !bytes.Equal(content(t, s), before[name]) {
				t.Fatalf("%s torn at %d: WARC is not as it was", torn, n)
			}
			if n%97 == 0 {
				record(t, s, xs[2])
				if got, _ := entries(t, s); len(got) != 3 {
					t.Fatalf("%s torn at %d: %d entries after another", torn, n, len(got))
				}
			}
			if err := s.Remove(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestDamage shows what no crash does: bytes that were acknowledged are gone or
// otherwise. Nothing is cut then, and the other spools are taken.
func TestDamage(t *testing.T) {
	states, _ := history(t)
	name := visit(t, 0).String() + ".warc.gz"
	tests := map[string]func(map[string][]byte){
		"WARC is short":     func(f map[string][]byte) { f[name] = f[name][:len(f[name])-1] },
		"WARC is gone":      func(f map[string][]byte) { delete(f, name) },
		"WARC is otherwise": func(f map[string][]byte) { f[name][len(f[name])/2] ^= 1 },
		"payloads short":    func(f map[string][]byte) { f["payloads"] = f["payloads"][:3] },
		"line in between": func(f map[string][]byte) {
			f["index.ndjson"] = bytes.Replace(f["index.ndjson"], []byte(`{"begin"`), []byte(`["begin"`), 1)
		},
		"line is gone": func(f map[string][]byte) {
			f["index.ndjson"] = f["index.ndjson"][bytes.IndexByte(f["index.ndjson"], '\n')+1:]
		},
		"no meta":       func(f map[string][]byte) { delete(f, "meta.json") },
		"meta is not":   func(f map[string][]byte) { f["meta.json"] = []byte("{") },
		"another visit": func(f map[string][]byte) { f["meta.json"] = []byte(`{"source":"x"}`) },
	}
	for what, damage := range tests {
		t.Run(what, func(t *testing.T) {
			disk := map[string][]byte{}
			for f, b := range states[2] {
				disk[f] = bytes.Clone(b)
			}
			damage(disk)
			d := lay(t, visit(t, 0), disk)
			if err := create(t, d, meta(t, 1)).Close(); err != nil {
				t.Fatal(err)
			}
			got, errs := take(t, d)
			if len(got) != 1 || got[0].Meta().Visit != visit(t, 1) {
				t.Errorf("took %d spools", len(got))
			}
			if len(errs) != 1 || !errors.Is(errs[0], spool.ErrDamaged) {
				t.Errorf("errors %v, want ErrDamaged", errs)
			}
		})
	}
}

// TestDamageWhileHeld finds damage when the captures are read again.
func TestDamageWhileHeld(t *testing.T) {
	for _, file := range []string{visit(t, 0).String() + ".warc.gz", "payloads"} {
		dir := t.TempDir()
		s := create(t, open(t, dir, nil), meta(t, 0))
		record(t, s, revisits()[0])
		path := filepath.Join(dir, visit(t, 0).String(), file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var last error
		for _, err := range s.Entries(t.Context()) {
			last = err
		}
		if !errors.Is(last, spool.ErrDamaged) {
			t.Errorf("%s: %v", file, last)
		}
	}
}

// TestSweep removes what a process left that died while it made or removed a
// spool.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, nil)
	for _, name := range []string{"new-" + visit(t, 0).String(), "old-" + visit(t, 1).String()} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "meta.json"), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, errs := take(t, d); len(got) > 0 || len(errs) > 0 {
		t.Errorf("took %v, %v", got, errs)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	create(t, d, meta(t, 0))
}

// TestOtherProcess holds a spool in another process, and takes it when that
// process has been killed.
func TestOtherProcess(t *testing.T) {
	if dir := os.Getenv("ONRECORD_SPOOL_HOLD"); dir != "" {
		s := create(t, open(t, dir, nil), meta(t, 0))
		record(t, s, exchange(1))
		_, _ = os.Stdout.WriteString("held\n")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOtherProcess$")
	cmd.Env = append(os.Environ(), "ONRECORD_SPOOL_HOLD="+dir)
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if text, err := bufio.NewReader(out).ReadString('\n'); err != nil || strings.TrimSpace(text) != "held" {
		t.Fatalf("the other process says %q, %v", text, err)
	}
	d := open(t, dir, nil)
	if got, errs := take(t, d); len(got) > 0 || len(errs) > 0 {
		t.Errorf("took what another process holds: %v, %v", got, errs)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if got, _ := entries(t, takeOne(t, d)); len(got) != 1 {
		t.Errorf("%d entries of the killed process, want 1", len(got))
	}
}

// A disk is shared by the files of a spool: it has room for some bytes, and
// syncs until it does not.
type disk struct {
	room  int
	syncs int
}

var (
	errNoSpace = errors.New("no space left on device")
	errSync    = errors.New("input/output error")
)

// under returns real on the disk.
func (d *disk) under(real files.FS) files.FS { return onDisk{real, d} }

type onDisk struct {
	files.FS
	d *disk
}

func (o onDisk) Open(name string, flag int, perm fs.FileMode) (files.File, error) {
	f, err := o.FS.Open(name, flag, perm)
	if err != nil || flag&os.O_WRONLY == 0 { // the syncs of folders are not counted
		return f, err
	}
	return &file{File: f, d: o.d}, nil
}

type file struct {
	files.File
	d *disk
}

func (f *file) Write(p []byte) (int, error) {
	if len(p) <= f.d.room {
		f.d.room -= len(p)
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:f.d.room])
	f.d.room = 0
	return n, errors.Join(err, errNoSpace)
}

func (f *file) Sync() error {
	if f.d.syncs--; f.d.syncs < 0 {
		return errSync
	}
	return f.File.Sync()
}

// TestFullDisk fills the disk at every 41st byte and fails each sync: what was
// acknowledged survives, what was not is cut, and the spool is dead in between.
func TestFullDisk(t *testing.T) {
	var disks []disk
	for room := 0; room < 6000; room += 41 {
		disks = append(disks, disk{room: room, syncs: 1 << 30})
	}
	for syncs := range 12 {
		disks = append(disks, disk{room: 1 << 30, syncs: syncs})
	}
	died := 0
	for _, d := range disks {
		dir := t.TempDir()
		good, ok := fill(t, dir, d)
		if !ok {
			continue
		}
		all := fillers()
		if good < len(all) {
			died++
		}
		got, _ := entries(t, takeOne(t, open(t, dir, nil)))
		// A sync that fails says nothing of what is on disk: one capture more
		// than acknowledged may be there.
		if len(got) < good || len(got) > good+1 {
			t.Fatalf("%+v: %d entries, %d acknowledged", d, len(got), good)
		}
		for i, x := range got {
			if diff := cmp.Diff(all[i], x, emptyIsNil); diff != "" {
				t.Fatalf("%+v: entry %d:\n%s", d, i, diff)
			}
		}
	}
	if died < 50 {
		t.Errorf("only %d of %d disks failed a record", died, len(disks))
	}
}

// fillers are what fill records.
func fillers() []onrecord.Exchange { return append([]onrecord.Exchange{exchange(1)}, revisits()...) }

// fill records on a disk until that fails, and returns how many records were
// acknowledged. ok is false if there was no room for a spool at all.
func fill(t *testing.T, dir string, on disk) (good int, ok bool) {
	t.Helper()
	name := on
	d := open(t, dir, func(o *spool.Options) { o.Files.Wrap = on.under })
	s, err := d.Create(t.Context(), meta(t, 0))
	if err != nil {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("%+v: left behind by Create: %v, %v", name, left, err)
		}
		return 0, false
	}
	for _, x := range fillers() {
		if _, err = s.Record(t.Context(), x); err != nil {
			break
		}
		good++
	}
	if err != nil {
		if !errors.Is(err, errNoSpace) && !errors.Is(err, errSync) {
			t.Fatalf("%+v: %v", name, err)
		}
		on.room, on.syncs = 1<<30, 1<<30 // it has room again
		if _, again := s.Record(t.Context(), exchange(1)); again != err {
			t.Fatalf("%+v: lives on after %v: %v", name, err, again)
		}
		if again := s.Put("plan", nil); again != err {
			t.Fatalf("%+v: takes files after %v: %v", name, err, again)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return good, true
}

func BenchmarkRecord(b *testing.B) {
	s := create(b, open(b, b.TempDir(), nil), meta(b, 0))
	x := exchange(500)
	b.SetBytes(int64(len(x.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Record(b.Context(), x); err != nil {
			b.Fatal(err)
		}
	}
}

// TestNewDirectory cuts the power after the first capture in a directory of
// spools that was made for it.
func TestNewDirectory(t *testing.T) {
	state := t.TempDir()
	m, err := filestest.New(state, filestest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := create(t, open(t, filepath.Join(state, "spool"), func(o *spool.Options) { o.Files.Wrap = m.Wrap(state) }), meta(t, 0))
	record(t, s, exchange(1))
	after := filepath.Join(t.TempDir(), "after")
	if err := m.Copy(after, filestest.Keep{}); err != nil {
		t.Fatal(err)
	}
	if got, _ := entries(t, takeOne(t, open(t, filepath.Join(after, "spool"), nil))); len(got) != 1 {
		t.Errorf("%d captures, want the one that was acknowledged", len(got))
	}
}
