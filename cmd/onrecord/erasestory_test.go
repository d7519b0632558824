// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"onrecord"
	"onrecord/internal/testservers"
)

// The ids of the statements beside the secret in a gallery.
const (
	sharerID = "113579246801390000" // has one of its pictures
	replyID  = "113579246801380000"
	quoteID  = "113579246801370000"
)

// A gallery is an erasable whose secret has two pictures. Another status has one
// of them, too, one answers the secret, and one quotes it.
type gallery struct {
	erasable
	own, shared []byte
	round       atomic.Int64 // what another status says changes with it
}

func (g *gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/files/own-"):
		_, _ = w.Write(g.own)
		return
	case strings.HasPrefix(path, "/files/"):
		_, _ = w.Write(g.shared)
		return
	case path != "/api/v1/accounts/7/statuses" || r.URL.Query().Get("max_id") != "":
		g.erasable.ServeHTTP(w, r)
		return
	}
	all := httptest.NewRecorder()
	g.erasable.ServeHTTP(all, r)
	var list []map[string]any // the secret, another, a third
	if err := json.Unmarshal(all.Body.Bytes(), &list); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	picture := func(id, name, alt string) map[string]any {
		return map[string]any{"id": id, "type": "image", "url": "http://" + r.Host + "/files/" + name, "description": alt}
	}
	beside := func(id, text string) map[string]any {
		b, _ := json.Marshal(list[1])
		var s map[string]any
		_ = json.Unmarshal(bytes.ReplaceAll(b, []byte("113579246801350000"), []byte(id)), &s)
		s["content"] = "<p>" + text + "</p>"
		return s
	}
	secret := list[0]
	secret["media_attachments"] = []any{picture("901", "own-umbrella.png", "how it leans there"), picture("902", "shared-by-secret.png", "")}
	sharer, reply, quote := beside(sharerID, "The same picture"), beside(replyID, "Indeed"), beside(quoteID, "Look at that")
	sharer["media_attachments"] = []any{picture("903", "shared.png", "")}
	reply["in_reply_to_id"], reply["in_reply_to_account_id"] = secretID, "7"
	quote["quote"] = map[string]any{"state": "accepted", "quoted_status": secret}
	list[1]["content"] = fmt.Sprintf("<p>Nothing to hide, said %d times</p>", g.round.Load())
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode([]any{sharer, reply, quote, secret, list[1], list[2]})
}

// A goneStory is an archive in a store with versions, from which the secret of a
// gallery is erased.
type goneStory struct {
	checked
	g       *gallery
	store   *testservers.S3
	folders []string // everything that there is: store, replica, state
	ids     map[string]onrecord.StatementID
}

// storeKeeping makes a bucket that keeps versions, and, where locks is set, keeps
// them for good.
func storeKeeping(t *testing.T, locks bool) *testservers.S3 {
	t.Helper()
	store := *testservers.StartS3(t)
	store.Bucket = "keeping"
	c := clientOf(t, &store)
	if err := errors.Join(c.MakeBucket(t.Context(), store.Bucket, minio.MakeBucketOptions{ObjectLocking: locks}), c.EnableVersioning(t.Context(), store.Bucket)); err != nil {
		t.Fatal(err)
	}
	if locks {
		mode, days, unit := minio.Compliance, uint(30), minio.Days
		if err := c.SetObjectLockConfig(t.Context(), store.Bucket, &mode, &days, &unit); err != nil {
			t.Fatal(err)
		}
	}
	return &store
}

func clientOf(t *testing.T, store *testservers.S3) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(store.Endpoint, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(store.AccessKey, store.SecretKey, ""), Region: "us-east-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newGone has the gallery recorded, with a replica and a snapshot.
func newGone(t *testing.T, locks bool) *goneStory {
	t.Helper()
	s := &goneStory{g: &gallery{own: poster(t, 9), shared: poster(t, 99)}, store: storeKeeping(t, locks), ids: map[string]onrecord.StatementID{}}
	srv := httptest.NewServer(s.g)
	t.Cleanup(srv.Close)
	for name, id := range map[string]string{"secret": secretID, "sharer": sharerID, "reply": replyID, "quote": quoteID, "other": "113579246801350000"} {
		s.ids[name] = onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/"+id)
	}
	s.id = s.ids["secret"]
	key, replica := keyFileOf(t, s.store), filepath.Join(t.TempDir(), "replica")
	if err := os.Mkdir(replica, 0o700); err != nil {
		t.Fatal(err)
	}
	w := newS3World(t, &movedClock{t: time.Now()}, s.store.URL(), key)
	w.openS3(t, key, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL), "").close()
	s.m = machine{w.at.config}
	s.configure(t, w.cfg.Print(), "storage:", "storage:\n  replicas: [{url: \"file://"+replica+"\"}]")
	s.folders = []string{filepath.Dir(s.store.Root), replica, w.at.state}
	for n := range 3 {
		s.g.round.Store(int64(n))
		s.m.run(t, "crawl", "masto")
	}
	s.m.run(t, "snapshot")
	s.m.run(t, "replicate")
	s.key = keyOf(t, &s.checked)
	return s
}

// poster makes a picture that is large enough for a small one of it.
func poster(t *testing.T, hue uint8) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 900, 600))
	for y := range 600 {
		for x := range 900 {
			p.Set(x, y, color.RGBA{hue, uint8(x), uint8(y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// configure writes the configuration with one change.
func (s *goneStory) configure(t *testing.T, text []byte, old, now string) {
	t.Helper()
	next := bytes.Replace(text, []byte(old), []byte(now), 1)
	if bytes.Equal(next, text) {
		t.Fatalf("no %q in\n%s", old, text)
	}
	if err := os.WriteFile(s.m.config, next, 0o600); err != nil {
		t.Fatal(err)
	}
}

// secrets are what must be found nowhere: what tells of the statement, its own
// picture, and each of its rarer words, which the search index has one by one.
func (s *goneStory) secrets(t *testing.T) map[string]string {
	t.Helper()
	h := openAt(t, s.m, reading)
	defer h.close()
	found := traces(t, h, s.id)
	delete(found, "edited wording")
	delete(found, "SHA-256 of "+laterWords)
	found["picture"], found["name of the picture"], found["its text"] = string(s.g.own), "own-umbrella", "how it leans there"
	found["digest of the picture"], found["the word"] = digestHex(s.g.own), "umbrella"
	return found
}

// names tells what a neighbour's line may keep of the secret: who it answers or
// quotes (decision 0016).
func names(hit string) bool {
	return strings.HasPrefix(hit, "native id in ") || strings.HasPrefix(hit, "local id in ")
}

// TestErasedEverywhere follows a statement with pictures, which others answer,
// quote and share, through everything that there is of an archive: objects with
// all their versions, a replica, a snapshot, small pictures, packages, the search
// index, pages and the API.
func TestErasedEverywhere(t *testing.T) {
	t.Parallel()
	s := newGone(t, false)
	secrets := s.secrets(t)
	s.open(t)
	own, shared := digestHex(s.g.own), digestHex(s.g.shared)
	for _, path := range []string{"/media/" + own + ".png", "/media/" + own + "/thumb.jpg", "/media/" + shared + ".png", "/media/" + shared + "/thumb.jpg", "/s/" + string(s.id) + ".wacz"} {
		s.get(t, path)
	}
	s.rest(t)
	for _, dir := range s.folders {
		for _, what := range []string{"wording", "native id", "the word", "picture", "digest of the picture", "its text"} { // or the search finds nothing
			if dir != s.folders[2] || what != "picture" { // the state has none of its own but the small one
				foundIn(t, dir, what, secrets[what])
			}
		}
	}

	out, err := s.m.try("erase", string(s.id), "--case", "T-1", "--yes-erase", string(s.id))
	if err != nil {
		t.Fatal(out)
	}
	s.gone(t, secrets, entriesNamed(t, out))
	s.versions(t, secrets)
	wants(t, s.m.run(t, "verify"), ` 0 mismatches$`)
	sameAfterRebuild(t, s.m)
	s.gone(t, secrets, entriesNamed(t, out))

	s.open(t)
	wants(t, s.stranger(t, exitOK, "verify", s.site.URL, "--key", s.key, "--allow-address", "127.0.0.0/8"), ` 0 mismatches$`, `^erased, by events in the ledger: [1-9]\d* lines?, [1-9]\d* records? of evidence redacted$`)
	if b := s.get(t, "/media/"+shared+".png"); b != string(s.g.shared) {
		t.Error("the shared picture is not what it was")
	}
	s.get(t, "/media/"+shared+"/thumb.jpg")
	for _, path := range []string{"/media/" + own + ".png", "/media/" + own + "/thumb.jpg", "/s/" + string(s.id) + ".wacz"} {
		if res, err := http.Get(s.site.URL + path); err != nil || res.StatusCode < 400 {
			t.Errorf("%s: %v, %v", path, res.Status, err)
		} else {
			_ = res.Body.Close()
		}
	}
	s.neighbours(t, secrets)
	s.rest(t)
	delete(secrets, "the word") // by which one page says that nothing is found
	shownNowhere(t, s.m, s.id, nil, secrets, http.StatusUnavailableForLegalReasons)
}

// open serves the archive, with small pictures.
func (s *goneStory) open(t *testing.T) {
	t.Helper()
	program, err := exec.LookPath("onrecord")
	if err != nil {
		t.Fatal(err)
	}
	s.h = openAt(t, s.m, reading)
	s.h.env.helper = []string{program, helperCommand}
	in, err := s.h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.h.website(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	s.site = httptest.NewServer(site)
	t.Cleanup(s.site.Close)
}

// foundIn fails if a folder does not hold a trace.
func foundIn(t *testing.T, dir, what, trace string) {
	t.Helper()
	if len(seek(t, dir, map[string]string{what: trace})) == 0 {
		t.Errorf("the %s is not in %s even before", what, dir)
	}
}

// gone looks at every byte. What is left may be the names in lines of others, and
// those must be the ones that erase has told.
func (s *goneStory) gone(t *testing.T, secrets map[string]string, told []int64) {
	t.Helper()
	if len(told) == 0 {
		t.Error("erase names no line of those that answer and quote it")
	}
	for _, dir := range s.folders {
		hits := slices.DeleteFunc(seek(t, dir, secrets), func(hit string) bool {
			return isCursor(hit) || names(hit) && (strings.Contains(hit, "/journal/") || strings.Contains(hit, "/catalog.db"))
		})
		if len(hits) > 0 {
			t.Errorf("%s still tells:\n%s", dir, strings.Join(hits, "\n"))
		}
	}
	h := openAt(t, s.m, reading)
	defer h.close()
	if _, err := h.archive.Redactions(t.Context()); err != nil { // a walk knows of it then
		t.Fatal(err)
	}
	var left []int64
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(e.Line, []byte(secretID)) {
			left = append(left, e.Index)
			if c := e.Event.Content; c == nil || c.ReplyTo == "" && c.QuoteOf == "" {
				t.Errorf("ledger no. %d names it: %s", e.Index, e.Line)
			}
		}
	}
	if !slices.Equal(left, told) {
		t.Errorf("the lines %v name it, erase has told %v", left, told)
	}
}

// versions asks the store for each version of each object that there is.
func (s *goneStory) versions(t *testing.T, secrets map[string]string) {
	t.Helper()
	c := clientOf(t, s.store)
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n, older := 0, 0
	for v := range c.ListObjects(t.Context(), s.store.Bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if v.Err != nil {
			t.Fatal(v.Err)
		}
		if n++; !v.IsLatest {
			older++
		}
		if v.IsDeleteMarker {
			continue
		}
		o, err := c.GetObject(t.Context(), s.store.Bucket, v.Key, minio.GetObjectOptions{VersionID: v.VersionID})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(o)
		if err := errors.Join(err, o.Close()); err != nil {
			t.Fatal(err)
		}
		for _, text := range decodings(t, v.Key, b) {
			for what, trace := range secrets {
				if bytes.Contains(text, []byte(trace)) && !names(what+" in ") {
					t.Errorf("version %s of %s has the %s", v.VersionID, v.Key, what)
				}
			}
		}
	}
	if n == 0 || older == 0 { // registers have older versions, or the bucket keeps none
		t.Errorf("%d versions, %d of them older ones", n, older)
	}
}

// neighbours asks for the pages and packages of those that answer, quote and share.
func (s *goneStory) neighbours(t *testing.T, secrets map[string]string) {
	t.Helper()
	for name, id := range s.ids {
		if name == "secret" {
			continue
		}
		for _, path := range []string{"/s/" + string(id), "/api/v1/statements/" + string(id), "/api/v1/statements/" + string(id) + "/captures", "/api/v1/statements/" + string(id) + "/versions"} {
			body := s.get(t, path)
			for what, trace := range secrets {
				if strings.Contains(body, trace) {
					t.Errorf("%s, of the %s, shows the %s", path, name, what)
				}
			}
		}
		res, err := http.Get(s.site.URL + "/s/" + string(id) + ".wacz")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			continue // none of its evidence is left
		}
		for file, body := range unzipped(t, b) {
			for _, text := range decodings(t, file, body) {
				for what, trace := range secrets {
					if bytes.Contains(text, []byte(trace)) && !(names(what+" in ") && strings.HasSuffix(file, "proof.json")) {
						t.Errorf("the package of the %s has the %s in %s", name, what, file)
					}
				}
			}
		}
	}
}

// TestEraseImpossible: in a store that keeps versions for good nothing is begun,
// unless the configuration says that the operator answers for it. Then it is
// recorded, counted apart, served to nobody, and in no replica and no catalog.
func TestEraseImpossible(t *testing.T) {
	t.Parallel()
	s := newGone(t, true)
	secrets := s.secrets(t)
	size := s.m.ledger(t)
	erase := []string{"erase", string(s.id), "--case", "T-1", "--yes-erase", string(s.id)}
	out, err := s.m.try(erase...)
	if exitOf(err) != exitConfig || !strings.Contains(out, "COMPLIANCE") || !strings.Contains(out, "storage.erasure: impossible") {
		t.Errorf("refused beforehand: %v\n%s", err, out)
	}
	if now := s.m.ledger(t); now != size {
		t.Fatalf("the ledger had %d entries, and has %d", size, now)
	}
	text, err := os.ReadFile(s.m.config)
	if err != nil {
		t.Fatal(err)
	}
	s.configure(t, text, "storage:", "storage:\n  erasure: impossible")
	if out, err = s.m.try(erase...); err != nil || !strings.Contains(out, "is erased  case T-1") {
		t.Fatalf("%v\n%s", err, out)
	}
	wants(t, out, `the store keeps \d+ objects? that hold what was erased; they are named in the ledger, and served to nobody`)
	if len(seek(t, s.folders[0], map[string]string{"wording": secretWords})) == 0 {
		t.Error("the store is said to keep it, and does not")
	}
	inside := s.m.run(t, "verify")
	wants(t, inside, ` 0 mismatches$`, `^erased, and still in \d+ objects: the store keeps what is erased`)
	s.m.run(t, "replicate")
	sameAfterRebuild(t, s.m)
	told := entriesNamed(t, out)
	s.folders = s.folders[1:] // the store itself keeps it
	s.gone(t, secrets, told)
	s.serve(t)
	wants(t, s.stranger(t, exitOK, "verify", s.site.URL, "--key", s.key, "--allow-address", "127.0.0.0/8"), ` 0 mismatches$`)
	s.neighbours(t, secrets)
	s.rest(t)
	delete(secrets, "the word")
	shownNowhere(t, s.m, s.id, nil, secrets, http.StatusUnavailableForLegalReasons)
	if n, told := servedParts(t, s.m); n < 2 || len(told) > 0 {
		t.Errorf("of %d objects these tell, as they are served: %q", n, told)
	}
	if lines := toldByLines(t, s.m); !slices.Equal(lines, told) {
		t.Errorf("as they are served, the lines %v name it; erase has told %v", lines, told)
	}
}
