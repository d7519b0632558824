// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord"
)

// A checked is an archive that a machine has crawled, and its website.
type checked struct {
	m    machine
	h    *house // behind site
	site *httptest.Server
	key  string
	id   onrecord.StatementID
}

// crawled makes one of a Mastodon account, of which a statement was edited.
func crawled(t *testing.T) *checked {
	t.Helper()
	s := &erasable{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	c := &checked{id: onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/"+secretID)}
	c.m = newMachines(t, 1, "      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: \""+srv.URL+"\"}]}\n")[0]
	c.m.run(t, "crawl", "masto")
	s.edited.Store(true)
	c.m.run(t, "crawl", "masto")
	b, err := os.ReadFile(c.path("onrecord.json"))
	if err != nil {
		t.Fatal(err)
	}
	var meta struct {
		Key string `json:"public_key"`
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		t.Fatal(err)
	}
	c.key = meta.Key
	c.serve(t)
	return c
}

// rest ends the serving.
func (c *checked) rest(t *testing.T) {
	t.Helper()
	c.site.Close()
	if err := c.h.close(); err != nil {
		t.Fatal(err)
	}
}

// serve serves what the archive holds now.
func (c *checked) serve(t *testing.T) {
	t.Helper()
	c.h = openAt(t, c.m, reading)
	in, err := c.h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := c.h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	c.site = httptest.NewServer(site)
	t.Cleanup(c.site.Close)
}

// path returns where an object lies.
func (c *checked) path(key string) string {
	return filepath.Join(filepath.Dir(c.m.config), "bucket", filepath.FromSlash(key))
}

// stranger runs the program where there is no archive, and wants an exit status.
func (c *checked) stranger(t *testing.T, status int, args ...string) string {
	t.Helper()
	cmd := exec.Command("onrecord", args...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if got := exitOf(err); got != status {
		t.Errorf("onrecord %s: exit status %d, want %d\n%s", strings.Join(args, " "), got, status, out)
	}
	return string(out)
}

func exitOf(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}

func (c *checked) get(t *testing.T, path string) string {
	t.Helper()
	res, err := http.Get(c.site.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", path, res.Status, err)
	}
	return string(b)
}

func wants(t *testing.T, out string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(out) {
			t.Errorf("no %q in\n%s", p, out)
		}
	}
}

// TestVerifyFromInside checks everything, parts, an older checkpoint and single
// statements with the configured archive.
func TestVerifyFromInside(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	c.rest(t)
	old := filepath.Join(t.TempDir(), "old")
	b, err := os.ReadFile(c.path("log/checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(old, b, 0o600); err != nil {
		t.Fatal(err)
	}
	c.m.run(t, "crawl", "masto")
	wants(t, c.m.run(t, "verify"), ` 0 mismatches$`, `^checked with the key of this machine's log.key, archive.example/log\+`)
	wants(t, c.m.run(t, "verify", "--part", "1/2", "--since-checkpoint", old), `^part 1/2 of the archive: .* 0 mismatches$`, `^the ledger extends the checkpoint of \d+ entries in `)
	wants(t, c.m.run(t, "verify", string(c.id)), `^statement `+string(c.id)+`: [2-9] lines in the ledger of size \d+, [2-9] captures: 0 mismatches$`)
	wants(t, c.m.run(t, "verify", "http://127.0.0.1:8080/s/"+string(c.id)), ` 0 mismatches$`)
	for _, bad := range [][]string{{"--part", "3/2"}, {"--part", "1"}, {"--key", "nonsense"}, {"nothing.proof"}, {"--part", "1/2", string(c.id)}, {"--allow-address", "here"}} {
		if out, err := c.m.try(append([]string{"verify"}, bad...)...); exitOf(err) != exitUsage {
			t.Errorf("verify %v: %v\n%s", bad, err, out)
		}
	}
	if out, err := c.m.try("verify", "0123456789abcdef"); exitOf(err) != exitFailed {
		t.Errorf("a statement that is not there: %v\n%s", err, out)
	}
}

// TestVerifyFromOutside has a stranger with the public key alone.
func TestVerifyFromOutside(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	args := []string{"verify", c.site.URL, "--key", c.key, "--allow-address", "127.0.0.0/8"}
	wants(t, c.stranger(t, exitOK, args...), ` 0 mismatches$`, `^checked with the key that was given, archive.example/log\+`)
	page := append([]string{"verify", c.site.URL + "/s/" + string(c.id)}, args[2:]...)
	wants(t, c.stranger(t, exitOK, page...), `^statement `+string(c.id)+`: [2-9] lines in the ledger of size \d+, [2-9] captures: 0 mismatches$`)

	wants(t, c.stranger(t, exitUnreachable, args[:4]...), `hint: an address of your own network needs --allow-address`)
	wants(t, c.stranger(t, exitUsage, args[:2]...), `with the key of its log, which you have from elsewhere`)
	other := newMachines(t, 1, "      []\n")[0]
	b, err := os.ReadFile(filepath.Join(filepath.Dir(other.config), "bucket", "onrecord.json"))
	if err != nil {
		t.Fatal(err)
	}
	foreign := regexp.MustCompile(`archive\.example/log\+[^"]+`).FindString(string(b))
	wants(t, c.stranger(t, exitMismatch, "verify", c.site.URL, "--key", foreign, "--allow-address", "127.0.0.0/8"), `not the archive that was expected`)

	// The command that is printed beside the statement, as it is printed.
	printed := regexp.MustCompile(`onrecord (verify [^<]*)`).FindStringSubmatch(html.UnescapeString(c.get(t, "/s/"+string(c.id))))
	if printed == nil {
		t.Fatal("no command beside the statement")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, string(c.id)+".proof"), []byte(c.get(t, "/api/v1/statements/"+string(c.id)+"/proof")), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", printed[0])
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", printed[0], err, out)
	}
	wants(t, string(out), `^ledger no\. \d+: statement.created of statement `+string(c.id), `^ledger no\. \d+: statement.edited of statement `+string(c.id),
		`^2 lines proven: recorded no later than the checkpoint of size`, `^this does not show that nothing came after`)

	// A proof that does not pass says so to scripts, too.
	bad := filepath.Join(dir, "bad.proof")
	if err := os.WriteFile(bad, []byte(strings.Replace(c.get(t, "/api/v1/statements/"+string(c.id)+"/proof"), "index ", "index 1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, c.stranger(t, exitMismatch, "verify", bad, "--key", c.key, "--json"), `"findings":\[\{"kind":"proof","object":".*bad\.proof","offset":-1,"log_index":-1,"reason":"proof file, line 0: .*not a valid proof`)

	// It can be from anybody: what it says moves no terminal.
	proof := regexp.MustCompile(`"origin": "[^"]*"`).ReplaceAllString(c.get(t, "/api/v1/statements/"+string(c.id)+"/proof"), `"origin": "a\u001b]0;owned\u0007\nonrecord: all is well"`)
	if err := os.WriteFile(bad, []byte(proof), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := c.stranger(t, exitMismatch, "verify", bad, "--key", c.key); strings.ContainsAny(out, "\x1b\a") || strings.Contains(out, "\nonrecord: all is well") {
		t.Errorf("%q", out)
	}

	// What is withheld is counted apart, and is no finding.
	c.rest(t)
	c.m.run(t, "withhold", string(c.id), "--ground", "law", "--case", "T-1", "--reason", "personal data")
	c.serve(t)
	args[1] = c.site.URL
	wants(t, c.stranger(t, exitOK, args...), ` 0 mismatches$`, `^withheld: [1-9]\d* lines? and [1-9]\d* records? of evidence, \d+ bytes, case T-1 \(1 statement\); `)
	c.rest(t)
	if out := c.m.run(t, "verify"); strings.Contains(out, "withheld") {
		t.Errorf("from inside everything is there:\n%s", out)
	}
}

// TestVerifySeesTwoHistories: a site whose operator has signed two histories gives
// out the proof of a statement from one, and the record of the other. Each by
// itself is right.
func TestVerifySeesTwoHistories(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	c.rest(t)
	home, other := filepath.Dir(c.m.config), t.TempDir()
	if err := os.CopyFS(filepath.Join(other, "m0"), os.DirFS(home)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(c.m.config)
	if err != nil {
		t.Fatal(err)
	}
	second := &checked{m: machine{filepath.Join(other, "m0", "onrecord.yaml")}, id: c.id, key: c.key}
	if err := os.WriteFile(second.m.config, []byte(strings.ReplaceAll(string(b), home, filepath.Join(other, "m0"))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(other, "m0", ".onrecord", keyFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, each := range []*checked{c, second} {
		each.m.run(t, "withhold", string(c.id), "--ground", "policy", "--case", "T-1", "--reason", "a mistake")
		each.m.run(t, "unwithhold", string(c.id), "--case", "T-1")
		each.serve(t)
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := c
		if strings.HasPrefix(r.URL.Path, "/record/") {
			to = second
		}
		to.site.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	page := func(site string) []string {
		return []string{"verify", site + "/s/" + string(c.id), "--key", c.key, "--allow-address", "127.0.0.0/8"}
	}
	for _, each := range []*checked{c, second} {
		wants(t, c.stranger(t, exitOK, page(each.site.URL)...), ` 0 mismatches$`)
	}
	wants(t, c.stranger(t, exitMismatch, page(front.URL)...), `^checkpoint log/checkpoint: the record does not extend the ledger of size \d+ and root \S+ that the proof of the same site is of: it shows two histories`)
}

// TestVerifyNamesWhatIsWrong damages an archive and reads what the command says.
func TestVerifyNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	c := crawled(t)
	c.rest(t)
	captures, err := filepath.Glob(c.path("captures/*/*/*/*"))
	if err != nil || len(captures) == 0 {
		t.Fatal(captures, err)
	}
	b, err := os.ReadFile(captures[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(captures[0], 0o600); err != nil {
		t.Fatal(err)
	}
	bad := append([]byte(nil), b...)
	bad[len(bad)/2] ^= 4
	if err := os.WriteFile(captures[0], bad, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(c.path("onrecord.json")); err != nil {
		t.Fatal(err)
	}
	out, err := c.m.try("verify")
	if exitOf(err) != exitMismatch {
		t.Errorf("exit status %d", exitOf(err))
	}
	wants(t, out, `^capture captures/.*\.warc\.gz at byte \d+ \(ledger no\. \d+\): .*`, `^meta onrecord\.json: .*no such object`, `: 2 mismatches$`, `verification found 2 mismatches`)
	var v struct {
		Findings []struct {
			Kind, Object, Reason string
			Offset               int64
			Index                int64 `json:"log_index"`
		}
	}
	text, err := exec.Command("onrecord", "-c", c.m.config, "--json", "verify").Output()
	if exitOf(err) != exitMismatch || json.Unmarshal(text, &v) != nil || len(v.Findings) != 2 {
		t.Errorf("%v, %s", err, text)
	}
}
