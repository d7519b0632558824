// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket/disk"
	"onrecord/catalog"
)

// A cutMachine is a machine whose whole disk, an ext4 in a file, can be taken
// away as a power cut does: what was not yet written to the file is gone.
type cutMachine struct {
	dir string // of the images
	mnt string
	n   atomic.Int64

	mu    sync.Mutex
	off   bool      // no process is started any more; guarded by mu
	cmd   *exec.Cmd // the one that runs; guarded by mu
	acked []acked   // what has been printed, read before the cut; guarded by mu
}

// An acked is a visit that the program said was committed.
type acked struct {
	Source string `json:"source"`
	Index  int64  `json:"index"`
}

// TestPowerCut cuts the power while visits are made as fast as they can be, and
// starts again from what the disk then holds. In every case: nothing that was
// acknowledged is lost, no object is torn, everything verifies, the catalog is
// what a rebuild makes, and the program is ready without a repair command.
func TestPowerCut(t *testing.T) {
	if os.Getenv("ONRECORD_LONG") == "" {
		t.Skip("takes minutes and mounts images: ONRECORD_LONG=1 runs it")
	}
	cuts, err := strconv.Atoi(cmp.Or(os.Getenv("ONRECORD_CUTS"), "200"))
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ONRECORD_SEED"); s != "" {
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("ONRECORD_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	m := newCutMachine(t)
	var all, lost, longest = 0, 0, time.Duration(0)
	for i := range cuts {
		r := m.round(t, time.Duration(20+rnd.IntN(1500))*time.Millisecond, 1+4*rnd.IntN(2))
		all, lost, longest = all+r.acked, lost+r.lost, max(longest, r.ready)
		if r.failed != nil {
			t.Errorf("cut %d: %v", i, r.failed)
		}
	}
	t.Logf("%d cuts: %d acknowledged commits, %d lost; ready again within %s", cuts, all, lost, longest.Round(time.Millisecond))
	if all < 2*cuts {
		t.Errorf("only %d commits were acknowledged before %d cuts: that shows little", all, cuts)
	}
}

// TestPowerCutTakes shows that the cut of TestPowerCut takes what was written
// and not synced, and leaves what was.
func TestPowerCutTakes(t *testing.T) {
	if os.Getenv("ONRECORD_LONG") == "" {
		t.Skip("mounts images: ONRECORD_LONG=1 runs it")
	}
	m := newCutMachine(t)
	run, cut := filepath.Join(m.dir, "run.img"), filepath.Join(m.dir, "cut.img")
	must(t, exec.Command("cp", "--sparse=always", filepath.Join(m.dir, "base.img"), run).Run())
	must(t, exec.Command("mount", "-o", "loop,commit=300", run, m.mnt).Run())
	must(t, os.WriteFile(m.mnt+"/written", []byte("not synced"), 0o600))
	must(t, os.Rename(m.mnt+"/written", m.mnt+"/renamed"))
	f, err := os.Create(m.mnt + "/synced")
	must(t, err)
	_, err = f.WriteString("synced")
	must(t, errors.Join(err, f.Sync(), f.Close()))
	must(t, os.WriteFile(m.mnt+"/late", []byte("not synced"), 0o600))
	m.cut(t, run, cut)
	must(t, exec.Command("umount", m.mnt).Run())
	must(t, exec.Command("mount", "-o", "loop", cut, m.mnt).Run())
	defer func() { must(t, exec.Command("umount", m.mnt).Run()) }()
	if b, err := os.ReadFile(m.mnt + "/synced"); err != nil || string(b) != "synced" {
		t.Errorf("what was synced: %q, %v", b, err)
	}
	for _, name := range []string{"renamed", "late"} {
		if b, err := os.ReadFile(m.mnt + "/" + name); err == nil && string(b) == "not synced" {
			t.Errorf("%s was never synced, and survived the cut", name)
		}
	}
}

// newCutMachine makes the image that every round begins with: an archive with a
// few visits in it.
func newCutMachine(t *testing.T) *cutMachine {
	t.Helper()
	dir := t.TempDir()
	m := &cutMachine{dir: dir, mnt: filepath.Join(dir, "mnt")}
	var list strings.Builder
	for i := range 4 {
		site := httptest.NewServer(http.HandlerFunc(m.answer))
		t.Cleanup(site.Close)
		fmt.Fprintf(&list, `      - {id: s%d, platform: website, account_id: a%d.example, doors: [{kind: feed, url: "https://a%d.example/feed.xml", base_url: "%s"}]}`+"\n", i, i, i, site.URL)
	}
	if err := os.Mkdir(m.mnt, 0o700); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "base.img")
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, 96<<20))
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", image).CombinedOutput(); err != nil {
		skipOrFail(t, "mount", fmt.Sprintf("mkfs.ext4: %v %s", err, out))
	}
	if out, err := exec.Command("mount", "-o", "loop", image, m.mnt).CombinedOutput(); err != nil {
		skipOrFail(t, "mount", fmt.Sprintf("mount: %v %s", err, out))
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", m.mnt).Run() })
	if out, err := exec.Command("onrecord", "init", m.mnt+"/home", "--origin", "archive.example/log").CombinedOutput(); err != nil {
		t.Fatalf("init: %v\n%s", err, out)
	}
	must(t, os.WriteFile(m.config(), []byte(`
archive: {name: Archive Example, operator: {name: Example e.V., email: desk@archive.example}, url: "http://127.0.0.1:8080"}
storage: {url: "file:bucket"}
log: {origin: archive.example/log}
crawl: {min_interval: 1ms, allow_addresses: [127.0.0.0/8]}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
`+list.String()), 0o600))
	machine{m.config()}.run(t, "crawl")
	must(t, exec.Command("umount", m.mnt).Run())
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer shows, at each request, one statement more.
func (m *cutMachine) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/feed.xml" {
		http.NotFound(w, r)
		return
	}
	last := m.n.Add(1)
	var titles []string
	for i := max(1, last-6); i <= last; i++ {
		titles = append(titles, fmt.Sprintf("number %d", i))
	}
	_, _ = w.Write(rss(titles...))
}

func (m *cutMachine) config() string { return filepath.Join(m.mnt, "home", "onrecord.yaml") }

// A cutResult is what one cut did.
type cutResult struct {
	acked, lost int
	ready       time.Duration // from the start until a whole crawl was done
	failed      error
}

// round lets the machine work for a while, cuts the power, and looks at what is
// left. The file system's journal is written every commit seconds.
func (m *cutMachine) round(t *testing.T, d time.Duration, commit int) cutResult {
	t.Helper()
	run, cut := filepath.Join(m.dir, "run.img"), filepath.Join(m.dir, "cut.img")
	must(t, exec.Command("cp", "--sparse=always", filepath.Join(m.dir, "base.img"), run).Run())
	must(t, exec.Command("mount", "-o", fmt.Sprintf("loop,commit=%d", commit), run, m.mnt).Run())
	m.off, m.acked = false, nil
	done := make(chan struct{})
	go func() { defer close(done); m.work() }()
	time.Sleep(d)
	acks := m.cut(t, run, cut)
	<-done
	must(t, exec.Command("umount", m.mnt).Run())
	must(t, exec.Command("mount", "-o", "loop", cut, m.mnt).Run())
	defer func() { must(t, exec.Command("umount", m.mnt).Run()) }()
	r := cutResult{acked: len(acks)}
	began := time.Now()
	if out, err := (machine{m.config()}).try("crawl"); err != nil {
		r.failed = fmt.Errorf("the first crawl: %w\n%s", err, out)
		return r
	}
	r.ready = time.Since(began)
	r.lost, r.failed = m.check(t, acks)
	return r
}

// work crawls, one process after the other, until the power is cut.
func (m *cutMachine) work() {
	for {
		cmd := exec.Command("onrecord", "-c", m.config(), "crawl", "--json")
		out, err := cmd.StdoutPipe()
		m.mu.Lock()
		if m.off || err != nil {
			m.mu.Unlock()
			return
		}
		err = cmd.Start()
		m.cmd = cmd
		m.mu.Unlock()
		if err != nil {
			return
		}
		for s := bufio.NewScanner(out); s.Scan(); {
			var a acked
			if json.Unmarshal(s.Bytes(), &a) == nil && a.Index > 0 {
				m.mu.Lock()
				if !m.off {
					m.acked = append(m.acked, a)
				}
				m.mu.Unlock()
			}
		}
		_ = cmd.Wait()
	}
}

// cut stops the machine, copies its disk, and kills what ran. It returns what
// had been acknowledged before.
func (m *cutMachine) cut(t *testing.T, run, cut string) []acked {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = true
	if m.cmd != nil {
		_ = m.cmd.Process.Signal(syscall.SIGSTOP)
	}
	must(t, exec.Command("cp", "--sparse=always", run, cut).Run())
	if m.cmd != nil {
		_ = m.cmd.Process.Kill()
	}
	return m.acked
}

// check looks at the archive as the next start has left it.
func (m *cutMachine) check(t *testing.T, acks []acked) (lost int, err error) {
	if out, err := (machine{m.config()}).try("verify"); err != nil || !strings.Contains(out, ": 0 mismatches") {
		return 0, fmt.Errorf("verify: %w\n%s", err, out)
	}
	b, err := disk.Open(filepath.Join(m.mnt, "home", "bucket"), disk.Options{})
	if err != nil {
		return 0, err
	}
	defer b.Close()
	a, err := archive.Open(t.Context(), b, archive.Options{Now: time.Now})
	if err != nil {
		return 0, err
	}
	have := map[acked]bool{}
	for e, err := range a.Walk(t.Context(), 0) {
		if err != nil {
			return 0, err
		}
		have[acked{e.Visit.Source, e.Index - int64(e.Leaf.Line)}] = true
	}
	for _, one := range acks {
		if !have[one] {
			lost++
			err = errors.Join(err, fmt.Errorf("the visit of %s at ledger no. %d was acknowledged, and is not there", one.Source, one.Index))
		}
	}
	return lost, errors.Join(err, m.torn(), m.rebuilt(t))
}

// torn reads every capture in the bucket to its end, those among them that no
// ledger names.
func (m *cutMachine) torn() error {
	return filepath.WalkDir(filepath.Join(m.mnt, "home", "bucket", "captures"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err == nil {
			_, err = io.Copy(io.Discard, z)
		}
		if err != nil {
			return fmt.Errorf("torn: %s: %w", path, err)
		}
		return nil
	})
}

// rebuilt compares the catalog with one that is made anew.
func (m *cutMachine) rebuilt(t *testing.T) error {
	dump := func() (string, error) {
		c, err := catalog.Open(t.Context(), filepath.Join(m.mnt, "home", ".onrecord", "catalog.db"), catalog.Options{MACKey: []byte("k"), ReadOnly: true})
		if err != nil {
			return "", err
		}
		defer c.Close()
		var out bytes.Buffer
		err = c.Dump(t.Context(), &out)
		return out.String(), err
	}
	before, err := dump()
	if err != nil {
		return err
	}
	if out, err := (machine{m.config()}).try("rebuild"); err != nil {
		return fmt.Errorf("rebuild: %w\n%s", err, out)
	}
	after, err := dump()
	if err == nil && before != after {
		err = errors.New("the catalog is not what a rebuild makes")
	}
	return err
}
