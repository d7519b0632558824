// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"onrecord/archive"
	"onrecord/archive/bucket/disk"
	"onrecord/config"
	"onrecord/internal/testservers"
)

// A sloppyStore is an S3 store that heeds no condition: what is there is
// overwritten.
type sloppyStore struct {
	mu      sync.Mutex
	objects map[string][]byte // by path
}

func (s *sloppyStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	there, ok := s.objects[r.URL.Path]
	q := r.URL.Query()
	etag := func(b []byte) string { return fmt.Sprintf(`"%x"`, sha256.Sum256(b)) }
	switch {
	case q.Has("versioning") || q.Has("object-lock"):
		w.WriteHeader(http.StatusNotImplemented)
	case q.Has("list-type"):
		fmt.Fprint(w, `<ListBucketResult></ListBucketResult>`)
	case r.Method == http.MethodPut:
		s.objects[r.URL.Path] = body
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !ok:
		w.WriteHeader(http.StatusNotFound)
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `<Error><Code>NoSuchKey</Code></Error>`)
		}
	default:
		w.Header().Set("ETag", etag(there))
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(there))
	}
}

// keys returns the paths of what the store has.
func (s *sloppyStore) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for k := range s.objects {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// newSloppyStore starts one, and writes a file of credentials for it.
func newSloppyStore(t *testing.T) (s *sloppyStore, store config.Store) {
	t.Helper()
	s = &sloppyStore{objects: map[string][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	key := filepath.Join(t.TempDir(), "s3.key")
	if err := os.WriteFile(key, []byte("access_key: a\nsecret_key: b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, config.Store{URL: "s3://bucket/main?endpoint=" + server.URL, Credentials: key}
}

// TestStoreOfAReplicaIsTried: a store that overwrites is neither filled as a
// replica nor adopted, and nothing is left in it.
func TestStoreOfAReplicaIsTried(t *testing.T) {
	t.Parallel()
	_, w, _, _, h, in := press(t, "one")
	mustVisit(t, in)
	s, store := newSloppyStore(t)
	_, err := h.newReplica(store, 1).replicate(t.Context(), archive.ReplicateOptions{})
	code, hint := replicaStatus(err)
	if code != exitConfig || !strings.Contains(err.Error(), "it overwrites an object in spite of If-None-Match") || !strings.Contains(hint, "conditional writes") {
		t.Errorf("replicate: %d, %v\nhint: %s", code, err, hint)
	}
	if left := s.keys(); len(left) > 0 {
		t.Errorf("replicate has left %q", left)
	}
	if note, ok := readProbe(w.cfg.StateDir, store.URL); !ok || note.Report.Refusal() == nil {
		t.Errorf("the note: %+v, %v", note, ok)
	}

	meta, err := os.ReadFile(filepath.Join(w.at.bucket, "onrecord.json"))
	if err != nil {
		t.Fatal(err)
	}
	s.objects["/bucket/main/onrecord.json"] = meta
	dir := t.TempDir()
	err = inAdopt(runAdopt(t.Context(), w.env, adoptFlags{credentials: store.Credentials}, store.URL, dir))
	if code, _ := status(err); code != exitConfig || !strings.Contains(err.Error(), "would break the commit of the record") {
		t.Errorf("adopt: %d, %v", code, err)
	}
	if left := s.keys(); len(left) != 1 {
		t.Errorf("adopt has left %q", left)
	}
	if _, err := os.Stat(filepath.Join(dir, ".onrecord", keyFile)); err == nil {
		t.Error("adopt has made a key for a store that it refuses")
	}
}

// TestWordsOfReplicas is what an operator reads whose replica, or whose adopt, is
// told the wrong place or key.
func TestWordsOfReplicas(t *testing.T) {
	t.Parallel()
	store := testservers.StartS3(t)
	_, w, _, _, h, in := press(t, "one")
	mustVisit(t, in)
	key, url := keyFileOf(t, store), store.URL()
	credentials := func(access, secret string) string {
		path := filepath.Join(t.TempDir(), "s3.key")
		if err := os.WriteFile(path, fmt.Appendf(nil, "access_key: %s\nsecret_key: %s\n", access, secret), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	skewed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Sun, 22 Nov 2026 21:00:00 GMT")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>`)
	}))
	t.Cleanup(skewed.Close)
	grown := "file://" + filepath.ToSlash(newWorldIn(t, start(), t.TempDir()).at.bucket)
	for _, c := range []struct {
		name, url, key string
		status         int
		want           string
		hint, adopt    string // of replicate, and of adopt
	}{
		{"wrong secret", url, credentials(store.AccessKey, "hunter2"), exitConfig, "the secret key is not that of this access key", "the file that storage.replicas.credentials names", "the file that --credentials names"},
		{"wrong user", url, credentials("nobody", "hunter2"), exitConfig, "does not know this access key", "storage.replicas.credentials", "--credentials"},
		{"no bucket", strings.Replace(url, store.Bucket, "elsewhere", 1), key, exitConfig, `there is no bucket "elsewhere"`, "make the bucket first, or correct storage.replicas.url", "make the bucket first, or correct URL"},
		{"wrong region", url + "&region=eu-9", key, exitConfig, `the region "eu-9" is wrong; expecting "us-east-1"`, "is region= in storage.replicas.url that of the bucket?", "is region= in URL that of the bucket?"},
		{"TLS where there is none", store.Through(strings.Replace(store.Endpoint, "http:", "https:", 1)), key, exitUnreachable, "does not answer: http: server gave HTTP response to HTTPS client", "is endpoint= in storage.replicas.url right: http or https", "is endpoint= in URL right: http or https"},
		{"a clock that is off", "s3://bucket/main?endpoint=" + skewed.URL, key, exitUnreachable, "the clock of this machine is not that of the store, which says Sun, 22 Nov 2026 21:00:00 GMT", "set the clock of this machine", "set the clock of this machine"},
		{"another archive", grown, "", exitConfig, "archive that grows by itself", "name another place under storage.replicas", ""},
		{"no folder", "file:///not/there", "", exitUnreachable, "no such file or directory", "is the folder there", "is the folder there"},
	} {
		_, err := h.newReplica(config.Store{URL: c.url, Credentials: c.key}, 1).replicate(t.Context(), archive.ReplicateOptions{})
		if code, hint := replicaStatus(err); code != c.status || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint, c.hint) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: replicate: %d, %v\nhint: %s", c.name, code, err, hint)
		}
		if c.adopt == "" {
			continue
		}
		err = inAdopt(runAdopt(t.Context(), w.env, adoptFlags{credentials: c.key}, c.url, t.TempDir()))
		if code, hint := status(err); code != c.status || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint, c.adopt) {
			t.Errorf("%s: adopt: %d, %v\nhint: %s", c.name, code, err, hint)
		}
	}
	replica := config.Store{URL: url, Credentials: key}
	if _, err := h.newReplica(replica, 1).replicate(t.Context(), archive.ReplicateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := inAdopt(runAdopt(t.Context(), w.env, adoptFlags{credentials: key}, url, filepath.Dir(w.at.config))); err == nil || !strings.Contains(err.(*failure).hint, "set storage.url in it to the replica's address") {
		t.Errorf("beside the configuration of before: %v", err)
	}
	other := newWorldIn(t, start(), t.TempDir()).at.public
	for name, c := range map[string]struct {
		f          adoptFlags
		status     int
		want, hint string
	}{
		"the key of another archive": {adoptFlags{credentials: key, key: other}, exitConfig, "not the archive that was expected: its log key is archive.example/log+", "About"},
		"half a key":                 {adoptFlags{credentials: key, key: other[:30]}, exitUsage, "it reads name+hash+key", ""},
	} {
		err := inAdopt(runAdopt(t.Context(), w.env, c.f, url, t.TempDir()))
		if code, hint := status(err); code != c.status || err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(hint, c.hint) {
			t.Errorf("%s: %d, %v\nhint: %s", name, code, err, hint)
		}
	}
}

// TestServingLearnsOfTheFork: while an archive is served its replica is adopted
// elsewhere. The next look at it, with nothing new to copy, says so, and nothing
// more is recorded.
func TestServingLearnsOfTheFork(t *testing.T) {
	t.Parallel()
	clock, w, _, body, h, in := press(t, "one")
	to := config.Store{URL: "file://" + filepath.ToSlash(t.TempDir())}
	cfg := *w.cfg
	cfg.Storage.Replicas = []config.Store{to}
	h.cfg = &cfg
	h.copies = h.newReplicas()
	mustVisit(t, in)
	r := h.copies.list[0]
	if err := r.follow(t.Context()); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(w.at.state, keyFile)
	if err := runAdopt(t.Context(), w.env, adoptFlags{oldKey: old, operator: "Example e.V.", email: "desk@archive.example", url: "https://archive.example"}, to.URL, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if err := r.follow(t.Context()); err != nil {
		t.Errorf("looked at again at once: %v", err)
	}
	clock.to(clock.now().Add(time.Hour))
	err := r.follow(t.Context())
	fork, ok := errors.AsType[*archive.ForkError](err)
	if code, hint := replicaStatus(err); !ok || !fork.Signed || code != exitMismatch || !strings.Contains(hint, "stop this archive") {
		t.Fatalf("%v\nhint: %s", err, hint)
	}
	f := rss("one", "two")
	body.Store(&f)
	_, err = visitOf(in, t.Context(), in.Sources[0])
	if code, hint := status(err); code != exitMismatch || !strings.Contains(err.Error(), "it was made an archive of its own (onrecord adopt)") || !strings.Contains(hint, "if a replica was made the archive, stop this one") {
		t.Errorf("a visit after that: %d, %v\nhint: %s", code, err, hint)
	}
	if got := h.copies.health(1 << 20); !strings.Contains(got[0].Trouble, "onrecord adopt") {
		t.Errorf("health: %+v", got)
	}
}

// TestInitAgain runs init again after it has come to each of its ends: without a
// configuration the same command goes on; what it can't take over it names.
func TestInitAgain(t *testing.T) {
	t.Parallel()
	f := initFlags{name: "A", operator: "B", email: "c@d.example", url: "https://d.example"}
	begin := func(t *testing.T, f initFlags, dir string) (place, error) {
		e := &env{io: stdio{out: io.Discard, err: io.Discard}, stop: newStop(nil, io.Discard), now: time.Now}
		t.Cleanup(e.stop.close)
		return initArchive(t.Context(), e, f, dir)
	}
	dir := t.TempDir()
	first, err := begin(t, f, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begin(t, f, dir); err == nil || !strings.Contains(err.Error(), "onrecord.yaml is there already") {
		t.Errorf("over an archive: %v", err)
	}
	if err := os.Remove(first.config); err != nil {
		t.Fatal(err)
	}
	again, err := begin(t, f, dir)
	if err != nil || again != first {
		t.Errorf("where only the configuration was not written: %+v, %v; was %+v", again, err, first)
	}
	if _, err := config.Load(first.config, configOptions()); err != nil {
		t.Error(err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, ".*-*")); len(names) > 0 {
		t.Errorf("left: %q", names)
	}

	// Another ledger in the same folder, another key at the same bucket.
	if err := os.Remove(first.config); err != nil {
		t.Fatal(err)
	}
	other := f
	other.url = "https://e.example"
	_, err = begin(t, other, dir)
	if code, hint := status(err); code != exitFailed || !strings.Contains(err.Error(), "the key of the ledger d.example/log, not of e.example/log") || !strings.Contains(hint, "--origin d.example/log") {
		t.Errorf("another ledger: %v\nhint: %s", err, hint)
	}
	if err := os.Remove(filepath.Join(first.state, keyFile)); err != nil {
		t.Fatal(err)
	}
	_, err = begin(t, f, dir)
	if _, hint := status(err); !errors.Is(err, archive.ErrExists) || !strings.Contains(hint, "--storage") {
		t.Errorf("another key: %v\nhint: %s", err, hint)
	}
	b, err := disk.Open(first.bucket, disk.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if meta, _, err := archive.MetaOf(t.Context(), b); err != nil || meta.PublicKey != first.public {
		t.Errorf("the archive is now %+v, %v", meta, err)
	}
}

// TestTwoChangesOfTheKeyAtOnce: the second command on one machine is told, and
// changes nothing.
func TestTwoChangesOfTheKeyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorldIn(t, start(), t.TempDir())
	e := *w.env
	e.configPath = w.at.config
	unlock, err := e.lockKeys()
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func() error{
		"rotate":  func() error { return runKeyRotate(t.Context(), &e, "") },
		"restart": func() error { return runLedgerRestart(t.Context(), &e, restartFlags{yes: true}) },
	} {
		if code, hint := status(run()); code != exitLocked || !strings.Contains(hint, "ledger status") {
			t.Errorf("%s: %d, %s", name, code, hint)
		}
	}
	unlock()
	if _, err := os.Stat(filepath.Join(w.at.state, nextKeyFile)); err == nil {
		t.Error("a key was made")
	}
}

// TestNotesOfSeveralStores: whoever fills several replicas at once keeps what was
// found of each store.
func TestNotesOfSeveralStores(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for n := range probeNotes {
		wg.Go(func() {
			if err := writeProbe(dir, probeNote{URL: fmt.Sprint("s3://replica-", n)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := probeNotesIn(dir); len(got) != probeNotes {
		t.Errorf("%d notes, want %d", len(got), probeNotes)
	}
}

// TestKeyThatAnotherProcessChanges: a start leaves the new key to the command
// that is changing it, and finishes for one that was interrupted.
func TestKeyThatAnotherProcessChanges(t *testing.T) {
	t.Parallel()
	w := newWorldIn(t, start(), t.TempDir())
	e := *w.env
	e.configPath = w.at.config
	other := e
	h, err := e.open(t.Context(), writing)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	k, err := h.makeNextKey(h.archive.Meta().Origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.archive.RotateKey(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	unlock, err := other.lockKeys()
	if err != nil {
		t.Fatal(err)
	}
	if done, err := h.installKey(t.Context()); done || err != nil || h.keyToGive() == k.Public {
		t.Errorf("while another process has the lock: %v, %v", done, err)
	}
	unlock()
	if done, err := h.installKey(t.Context()); !done || err != nil || h.keyToGive() != k.Public {
		t.Errorf("afterwards: %v, %v", done, err)
	}
	if kept, err := filepath.Glob(filepath.Join(w.at.state, keyFile+".*")); len(kept) != 1 || err != nil {
		t.Errorf("beside log.key: %v, %v", kept, err)
	}
}

// TestMachineWithTheOldKey: a machine that has missed a change of the log key is
// told so by doctor and ledger status, and a reader without a key is not alarmed.
func TestMachineWithTheOldKey(t *testing.T) {
	t.Parallel()
	w := newWorldIn(t, start(), t.TempDir())
	e := *w.env
	var out bytes.Buffer
	e.configPath, e.io = w.at.config, stdio{out: &out, err: io.Discard}
	old, err := os.ReadFile(filepath.Join(w.at.state, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := runKeyRotate(t.Context(), &e, ""); err != nil {
		t.Fatal(err)
	}
	says := func(name, want, never string) {
		t.Helper()
		out.Reset()
		if err := runLedgerStatus(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) || never != "" && strings.Contains(out.String(), never) {
			t.Errorf("%s: ledger status says\n%s", name, &out)
		}
	}
	const alarm = "IS NOT THE KEY IN FORCE"
	says("the new key", "(log.key of this machine)", alarm)
	path := filepath.Join(w.at.state, keyFile)
	fresh, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	says("the old key", alarm, "")
	out.Reset()
	if err := (&doctor{env: &e, offline: true}).run(t.Context()); err == nil || !strings.Contains(out.String(), "the key in force is archive.example/log+") || !strings.Contains(out.String(), "copy the new log.key") {
		t.Errorf("the old key: doctor: %v\n%s", err, &out)
	}
	if err := os.WriteFile(filepath.Join(w.at.state, nextKeyFile), fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	says("a change that was interrupted", "(log.key.next of this machine", alarm)
	for _, name := range []string{keyFile, nextKeyFile} {
		if err := os.Remove(filepath.Join(w.at.state, name)); err != nil {
			t.Fatal(err)
		}
	}
	says("no key", "it can read, and record nothing", alarm)
	if err := os.WriteFile(path, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(w.at.state, markFile)); err != nil {
		t.Fatal(err)
	}
	says("no mark", "asks for --trust-checkpoint, once", alarm)
}
