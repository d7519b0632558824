// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/ledger"
	"onrecord/archive/warc"
)

// An erasable is a server of the kind of Mastodon whose posts have long ids; the
// one in the middle is edited.
type erasable struct{ edited, other, changed, quoted atomic.Bool }

const (
	secretID    = "113579246801357924"
	secretWords = "The umbrella stands behind the third pillar"
	laterWords  = "The umbrella stood behind the fourth pillar"
)

// secretStatement is the id of the statement that is edited.
func secretStatement() onrecord.StatementID {
	return onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/"+secretID)
}

// crawled returns a machine of a new archive that has visited the server once, as
// the source masto.
func (s *erasable) crawled(t *testing.T) machine {
	t.Helper()
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	m := newMachines(t, 1, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL))[0]
	m.run(t, "crawl", "masto")
	return m
}

func (s *erasable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	account := map[string]any{
		"id": "7", "username": "jane", "acct": "jane", "display_name": "Jane Example", "created_at": "2022-11-05T00:00:00.000Z",
		"url": "https://social.example/@jane", "uri": "https://social.example/users/jane", "note": "", "statuses_count": 3,
	}
	status := func(id, text string, edited any) map[string]any {
		return map[string]any{
			"id": id, "uri": "https://social.example/users/jane/statuses/" + id, "url": "https://social.example/@jane/" + id,
			"created_at": "2026-08-28T09:00:00.000Z", "edited_at": edited, "content": "<p>" + text + "</p>", "visibility": "public",
			"sensitive": false, "spoiler_text": "", "language": "en", "account": account, "media_attachments": []any{}, "mentions": []any{}, "tags": []any{}, "emojis": []any{},
			"reblog": nil, "poll": nil, "in_reply_to_id": nil,
		}
	}
	text, edited := secretWords, any(nil)
	if s.edited.Load() {
		text, edited = laterWords, "2026-08-28T10:00:00.000Z"
	}
	hide := "Nothing to hide here"
	if s.other.Load() {
		hide = "Nothing at all to hide here"
	}
	list := []any{status(secretID, text, edited), status("113579246801350000", hide, nil), status("113579246801340000", "Nor in this one", nil)}
	if s.quoted.Load() { // and is not listed itself any more
		quote := status("113579246801360000", "What I said then", nil)
		quote["quote"] = map[string]any{"state": "accepted", "quoted_status": list[0]}
		list[0] = quote
	}
	var answer any
	switch p := r.URL.Path; {
	case p == "/api/v1/accounts/lookup", p == "/api/v1/accounts/7":
		answer = account
	case p == "/api/v1/accounts/7/statuses":
		answer = list
		if r.URL.Query().Get("max_id") != "" {
			answer = []any{}
		}
		if s.changed.Load() { // to what no door reads
			answer = map[string]any{"posts": list}
		}
	case p == "/api/v1/statuses/"+secretID:
		answer = list[0]
	case p == "/api/v1/statuses/"+secretID+"/history":
		answer = []any{map[string]any{"content": "<p>" + secretWords + "</p>", "created_at": "2026-08-28T09:00:00.000Z", "account": account, "spoiler_text": "", "sensitive": false, "media_attachments": []any{}, "emojis": []any{}},
			map[string]any{"content": "<p>" + laterWords + "</p>", "created_at": "2026-08-28T10:00:00.000Z", "account": account, "spoiler_text": "", "sensitive": false, "media_attachments": []any{}, "emojis": []any{}}}
	default:
		w.WriteHeader(http.StatusNotFound)
		answer = map[string]any{"error": "Record not found"}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer)
}

// traces are what must be found nowhere once the statement is erased.
func traces(t *testing.T, h *house, id onrecord.StatementID) map[string]string {
	t.Helper()
	found := map[string]string{
		"native id": "https://social.example/users/jane/statuses/" + secretID, "local id": secretID, "address": "https://social.example/@jane/" + secretID,
		"wording": "behind the third pillar", "edited wording": "behind the fourth pillar",
	}
	for _, text := range []string{secretWords, laterWords} {
		found["SHA-256 of "+text] = digestHex([]byte(text))
	}
	n := 0
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Statement != id || e.Line == nil {
			continue
		}
		n++
		found[fmt.Sprintf("salt of line %d", e.Index)] = e.Event.Salt
		found[fmt.Sprintf("SHA-256 of line %d", e.Index)] = digestHex(e.Line)
		if e.Event.Version != "" {
			found["version "+string(e.Event.Version)] = string(e.Event.Version)
		}
		if c := e.Event.Content; c != nil {
			sum := c.SHA256()
			found[fmt.Sprintf("SHA-256 of the content of line %d", e.Index)] = hex.EncodeToString(sum[:])
		}
	}
	payloads(t, h, found)
	if n < 2 {
		t.Fatalf("%d lines tell of the statement, want a creation and an edit at least", n)
	}
	return found
}

// payloads adds the digests of all payloads that show the statement: whoever can
// guess the page could confirm the guess by them.
func payloads(t *testing.T, h *house, found map[string]string) {
	t.Helper()
	n := 0
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type != onrecord.VisitLine {
			continue
		}
		for _, o := range e.Visit.Objects {
			r, err := h.archive.OpenObject(t.Context(), o.Key)
			if err != nil {
				t.Fatal(err)
			}
			for c, err := range warc.Captures(r, warc.ReaderOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(c.Exchange.Payload, []byte("umbrella")) {
					n++
					found[fmt.Sprintf("digest of payload %d of %s", n, o.Key)] = digestHex(c.Exchange.Payload)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n < 3 {
		t.Fatalf("%d payloads show it", n)
	}
}

// decodings returns b, and what it is when decoded by what lies in an archive.
func decodings(t *testing.T, name string, b []byte) [][]byte {
	t.Helper()
	all := [][]byte{b}
	if bytes.HasPrefix(b, []byte("\x1f\x8b\x08")) { // whatever its name: a store gives versions names of its own
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, plain)
	}
	if bytes.HasPrefix(b, []byte("\x28\xb5\x2f\xfd")) {
		d, err := zstd.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer d.Close()
		plain, err := io.ReadAll(d)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, plain)
	}
	return all
}

// seek looks for traces in every byte of a folder; it returns where they are.
func seek(t *testing.T, dir string, traces map[string]string) []string {
	t.Helper()
	var hits []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for what, trace := range traces {
			if strings.Contains(strings.TrimPrefix(path, dir), trace) {
				hits = append(hits, what+" is the name of "+strings.TrimPrefix(path, dir))
			}
		}
		for _, text := range decodings(t, path, b) {
			for what, trace := range traces {
				for _, form := range []string{trace, base64.StdEncoding.EncodeToString([]byte(trace)), strings.ReplaceAll(trace, "/", `\/`)} {
					if bytes.Contains(text, []byte(form)) {
						hits = append(hits, what+" in "+strings.TrimPrefix(path, dir))
					}
				}
				// A salt or digest may stand as its bytes; that of a line is what its leaf commits to.
				if raw, err := hex.DecodeString(trace); err == nil && len(raw) >= 16 && !strings.HasPrefix(what, "SHA-256 of line") && bytes.Contains(text, raw) {
					hits = append(hits, what+" as bytes in "+strings.TrimPrefix(path, dir))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

// pagesOf asks a website for everything that could tell of a statement.
func pagesOf(t *testing.T, site http.Handler, id onrecord.StatementID, versions []string) map[string]*httptest.ResponseRecorder {
	t.Helper()
	paths := []string{"/", "/search?q=umbrella", "/search?q=pillar", "/search?state=withheld", "/events", "/edits", "/deletions", "/f/jane-example",
		"/coverage", "/status", "/about/takedowns", "/api/v1/statements?q=pillar", "/api/v1/statements?state=withheld", "/api/v1/events", "/api/v1/events?limit=200", "/api/v1/edits", "/api/v1/takedowns", "/api/v1/coverage", "/api/v1/figures",
		"/s/" + string(id), "/s/" + string(id) + "/diff", "/api/v1/statements/" + string(id), "/api/v1/statements/" + string(id) + "/versions", "/api/v1/statements/" + string(id) + "/captures", "/api/v1/statements/" + string(id) + "/proof"}
	for _, v := range versions {
		paths = append(paths, "/s/"+string(id)+"/v/"+v)
	}
	out := map[string]*httptest.ResponseRecorder{}
	for _, path := range paths {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		out[path] = w
	}
	return out
}

// openAt opens the archive of a machine as a command would.
func openAt(t *testing.T, m machine, n need) *house {
	t.Helper()
	e := &env{io: stdio{in: strings.NewReader(""), out: io.Discard, err: io.Discard}, now: time.Now, configPath: m.config, stop: newStop(make(chan os.Signal), io.Discard)}
	h, err := e.open(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close() })
	return h
}

// TestErase: a statement that is withheld is shown by nothing; erased, nothing
// in the bucket, in a replica, in the state directory or on a page tells of it,
// and every proof given out before still holds.
func TestErase(t *testing.T) {
	t.Parallel()
	s := &erasable{}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	replica := filepath.Join(t.TempDir(), "replica")
	if err := os.Mkdir(replica, 0o700); err != nil {
		t.Fatal(err)
	}
	m := newMachines(t, 1, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL))[0]
	withReplica(t, m, replica)
	home, bucket := filepath.Dir(m.config), ""
	m.run(t, "crawl", "masto")
	s.edited.Store(true)
	m.run(t, "crawl", "masto")
	m.run(t, "crawl", "masto")
	m.run(t, "replicate")
	id := secretStatement()
	h := openAt(t, m, reading)
	bucket = strings.TrimPrefix(h.cfg.Storage.URL, "file://")
	secrets := traces(t, h, id)
	var versions []string
	for what, v := range secrets {
		if strings.HasPrefix(what, "version ") {
			versions = append(versions, v)
		}
	}
	st, err := h.catalog.Statement(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := h.archive.Proof(t.Context(), st.LogIndex)
	if err != nil {
		t.Fatal(err)
	}
	captures, err := h.catalog.Captures(t.Context(), id)
	if err != nil || len(captures) == 0 {
		t.Fatalf("%d captures, %v", len(captures), err)
	}
	for _, dir := range []string{bucket, replica, home} {
		if len(seek(t, dir, secrets)) == 0 {
			t.Fatalf("the traces are not in %s even before: the search finds nothing", dir)
		}
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}

	// Withheld.
	if out := m.run(t, "withhold", string(id), "--ground", "law", "--case", "T-2026-014", "--reason", "personal data of a third party"); !strings.Contains(out, "is withheld  case T-2026-014") {
		t.Errorf("withhold says %q", out)
	}
	shownNowhere(t, m, id, versions, secrets, http.StatusUnavailableForLegalReasons)
	h = openAt(t, m, reading)
	if _, err := (evidence{h.archive, h.catalog}).Capture(t.Context(), captures[0].CaptureRef); err == nil {
		t.Error("a capture that shows a withheld statement is served")
	}
	spans, down, err := h.catalog.Hidden(t.Context(), captures[0].Object)
	if err != nil || len(spans) == 0 || down.Case != "T-2026-014" {
		t.Errorf("hidden in %s: %v, %+v, %v", captures[0].Object, spans, down, err)
	}
	_ = h.close()
	m.run(t, "verify")
	m.run(t, "unwithhold", string(id), "--case", "T-2026-014")
	if out := m.run(t, "show", string(id)); !strings.Contains(out, laterWords) {
		t.Errorf("shown again: %q", out)
	}

	// Erased.
	if out := m.run(t, "erase", string(id), "--case", "T-2026-016", "--yes-erase", string(id)); !strings.Contains(out, "is erased  case T-2026-016") {
		t.Errorf("erase says %q", out)
	}
	for _, dir := range []string{bucket, replica, home} {
		if hits := seek(t, dir, secrets); len(hits) > 0 {
			t.Errorf("%s still tells:\n%s", dir, strings.Join(hits, "\n"))
		}
	}
	shownNowhere(t, m, id, versions, secrets, http.StatusUnavailableForLegalReasons)
	m.run(t, "verify")
	sameAfterRebuild(t, m)
	h = openAt(t, m, reading)
	defer h.close()
	if indexes, _, err := archive.CheckProof(proof, h.archive.Meta().Origin, h.key.verifier); err != nil || len(indexes) != 1 {
		t.Errorf("the proof from before: %v, %v", indexes, err)
	}
	unconfirmable(t, h, st.LogIndex)
	red, err := h.archive.Redactions(t.Context())
	if err != nil || len(red.Pending()) > 0 || len(red.Erasures()) == 0 {
		t.Errorf("%d erasures, %d pending, %v", len(red.Erasures()), len(red.Pending()), err)
	}
	neighbour := onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/113579246801350000")
	list, err := h.catalog.Captures(t.Context(), neighbour)
	if err != nil || len(list) == 0 || list[0].Down != "T-2026-016" || !list[0].Redacted {
		t.Errorf("the neighbour's evidence is %+v, %v; want it redacted", list, err)
	}
	// What is still on the platform is not recorded again.
	_ = h.close()
	s.other.Store(true)
	if out := m.run(t, "crawl", "masto"); !strings.Contains(out, "1 edited") {
		t.Errorf("the crawl after it: %q", out)
	}
	m.run(t, "verify")
	for _, dir := range []string{bucket, replica, home} {
		hits := slices.DeleteFunc(seek(t, dir, secrets), isCursor)
		if len(hits) > 0 {
			t.Errorf("after another visit %s tells again:\n%s", dir, strings.Join(hits, "\n"))
		}
	}
	if out := m.run(t, "search", "pillar"); strings.Contains(out, "umbrella") {
		t.Errorf("recorded again: %q", out)
	}
}

// isCursor reports whether a trace is where a door stopped: the newest statement
// on its page, in the register of the source, which is not public and not
// replicated, and in the spool of the visit that moves it.
func isCursor(hit string) bool {
	return strings.HasPrefix(hit, "local id in ") && (strings.Contains(hit, "/state/") || strings.Contains(hit, "/spool/"))
}

// withReplica adds a replica to a configuration.
func withReplica(t *testing.T, m machine, dir string) {
	t.Helper()
	b, err := os.ReadFile(m.config)
	if err != nil {
		t.Fatal(err)
	}
	old := []byte(`storage: {url: `)
	next := bytes.Replace(b, old, []byte(`storage: {replicas: [{url: "file://`+dir+`"}], url: `), 1)
	if bytes.Equal(next, b) {
		t.Fatal("the configuration has another form")
	}
	if err := os.WriteFile(m.config, next, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shownNowhere asks for every page.
func shownNowhere(t *testing.T, m machine, id onrecord.StatementID, versions []string, secrets map[string]string, status int) {
	t.Helper()
	h := openAt(t, m, reading)
	defer h.close()
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	for path, w := range pagesOf(t, site, id, versions) {
		body := strings.ReplaceAll(w.Body.String(), path, "")
		for what, trace := range secrets {
			if strings.Contains(body, trace) {
				t.Errorf("%s shows the %s", path, what)
			}
		}
		own := strings.Contains(path, string(id))
		if own && w.Code != status || !own && w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

// sameAfterRebuild compares the catalog with one that is made from the bucket
// alone.
func sameAfterRebuild(t *testing.T, m machine) {
	t.Helper()
	dump := func() string {
		h := openAt(t, m, reading)
		defer h.close()
		var b strings.Builder
		if err := h.catalog.Dump(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	before := dump()
	m.run(t, "rebuild")
	if after := dump(); after != before {
		t.Errorf("the catalog differs from a rebuilt one:\n%s\n---\n%s", before, after)
	}
}

// unconfirmable: who knows the text, and everything of its line but the salt,
// can't tell from the leaf that it is that.
func unconfirmable(t *testing.T, h *house, index int64) {
	t.Helper()
	_, leaf, err := h.archive.Line(t.Context(), index)
	if err == nil || leaf.Line == ledger.AbandonedLine {
		t.Fatalf("line %d: %v; want that it is erased", index, err)
	}
	for _, guess := range []string{secretWords, laterWords, `{"v":1,"type":"tombstone","case":"T-2026-016"}`} {
		if sha256.Sum256([]byte(guess)) == leaf.Hash {
			t.Errorf("the leaf commits to %q without a salt", guess)
		}
	}
}

// TestErasureAfterCrash: the event is in the ledger and the process is gone;
// until the next start nothing shows the statement, and that carries it out.
func TestErasureAfterCrash(t *testing.T) {
	t.Parallel()
	m := new(erasable).crawled(t)
	id := secretStatement()
	h := openAt(t, m, writing)
	secrets := map[string]string{"wording": secretWords, "local id": secretID}
	st, err := h.catalog.Statement(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	r := eraseRequest{down: onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundPolicy, Reason: "personal data"}}
	if event, _, _, err := r.order(t.Context(), h, st, nil); err != nil || event == nil {
		t.Fatalf("order: %v, %v", event, err)
	}
	bucket := strings.TrimPrefix(h.cfg.Storage.URL, "file://")
	_ = h.close()
	shownNowhere(t, m, id, nil, secrets, http.StatusGone)
	if len(seek(t, bucket, secrets)) == 0 {
		t.Fatal("the objects are replaced before the erasure is carried out")
	}
	for range 2 { // again is no harm
		h = openAt(t, m, writing)
		if left, err := h.finishErasures(t.Context()); err != nil || len(left) > 0 {
			t.Fatalf("finish: %v, %v", left, err)
		}
		_ = h.close()
	}
	for _, dir := range []string{bucket, filepath.Dir(m.config)} {
		if hits := seek(t, dir, secrets); len(hits) > 0 {
			t.Errorf("%s still tells:\n%s", dir, strings.Join(hits, "\n"))
		}
	}
	m.run(t, "verify")
	sameAfterRebuild(t, m)
	if out, err := m.try("withhold", string(id), "--ground", "law", "--case", "T-2", "--reason", "x"); err != nil || !strings.Contains(out, "was erased, case T-1") {
		t.Errorf("withhold what was erased: %v, %s", err, out)
	}
	if out, err := m.try("erase", string(id), "--case", "T-2"); err != nil || !strings.Contains(out, "erased before, case T-1") {
		t.Errorf("erase again: %v, %s", err, out)
	}
	for _, bad := range [][]string{{"erase", string(id)}, {"withhold", string(id), "--case", "T-2", "--reason", "x"}, {"withhold", string(id), "--ground", "law", "--case", "a\nb", "--reason", "x"}, {"unwithhold", string(id)}} {
		if out, err := m.try(bad...); err == nil {
			t.Errorf("%q is taken: %s", bad, out)
		}
	}
}
