// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord"
	"onrecord/archive"
	"onrecord/crawler/mailbox"
	"onrecord/ingest"
)

// A mediaSite is a website with a feed whose items have attachments, and an
// archive that visits it.
type mediaSite struct {
	clock *movedClock
	w     *world
	h     *house
	in    *ingest.Ingester
	url   string // where it really is

	mu    sync.Mutex
	feed  string                      // items
	files map[string]http.HandlerFunc // by path
	asked []string                    // paths with queries, but for the feed
}

// A mediaItem is an item of the feed: its name, then its attachments.
type mediaItem []string

func newMediaSite(t *testing.T) *mediaSite {
	t.Helper()
	m := &mediaSite{clock: start(), files: map[string]http.HandlerFunc{}}
	srv := httptest.NewServer(m)
	t.Cleanup(srv.Close)
	m.url = srv.URL
	m.w = newWorld(t, m.clock)
	m.open(t)
	return m
}

// open opens the archive: a process begins.
func (m *mediaSite) open(t *testing.T) {
	t.Helper()
	m.h = m.w.open(t, fmt.Sprintf("      - {id: press, platform: website, account_id: a.example, schedule: \"@every 1h\", doors: [{kind: feed, url: \"https://a.example/feed.xml\", base_url: %q}]}\n", m.url))
	var err error
	if m.in, err = m.h.ingester(); err != nil {
		t.Fatal(err)
	}
}

func (m *mediaSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	serve, feed := m.files[r.URL.Path], m.feed
	if r.URL.Path != "/feed.xml" && r.URL.Path != "/robots.txt" {
		m.asked = append(m.asked, r.URL.RequestURI())
	}
	m.mu.Unlock()
	w.Header().Set("Date", m.clock.now().UTC().Format(http.TimeFormat))
	switch {
	case serve != nil:
		serve(w, r)
	case r.URL.Path == "/feed.xml":
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>T</title><link>https://a.example/</link>%s</channel></rss>`, feed)
	default:
		http.NotFound(w, r)
	}
}

// items sets the feed. An attachment without a scheme is one of a.example.
func (m *mediaSite) items(items ...mediaItem) {
	var b strings.Builder
	for _, i := range items {
		fmt.Fprintf(&b, "<item><title>%s</title><link>https://a.example/%[1]s</link><description>the text of %[1]s</description>", i[0])
		for _, a := range i[1:] {
			if strings.HasPrefix(a, "/") {
				a = "https://a.example" + a
			}
			fmt.Fprintf(&b, `<enclosure url=%q type="image/png" length="1"/>`, a)
		}
		b.WriteString("</item>")
	}
	m.mu.Lock()
	m.feed = b.String()
	m.mu.Unlock()
}

// file has a path answered by serve.
func (m *mediaSite) file(path string, serve http.HandlerFunc) {
	m.mu.Lock()
	m.files[path] = serve
	m.mu.Unlock()
}

// bytes has a path answered by b.
func (m *mediaSite) bytes(path string, b []byte) {
	m.file(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b) })
}

// visit visits the feed an hour later.
func (m *mediaSite) visit(t *testing.T) {
	t.Helper()
	m.clock.to(m.clock.now().Add(time.Hour))
	if rep, err := visitOf(m.in, t.Context(), m.in.Sources[0]); err != nil || rep.Failed() {
		t.Fatalf("%+v, %v", rep, err)
	}
}

// fetch makes a media visit.
func (m *mediaSite) fetch(t *testing.T) ingest.Report {
	t.Helper()
	rep, err := m.in.FetchMedia(t.Context(), m.in.Sources[0], "")
	if err != nil {
		t.Fatalf("%+v, %v", rep, err)
	}
	return rep
}

// events returns what the record says of attachments, a line each.
func (m *mediaSite) events(t *testing.T) (list []string) {
	t.Helper()
	for e, err := range m.h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if k := e.Event.Media; k != nil {
			_, name, _ := strings.Cut(k.ID, "://")
			list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s%s", filepath.Base(e.Event.NativeID), name, e.Event.Type, strings.TrimSuffix(" "+k.Missing, " "))))
		}
	}
	return list
}

// site returns the website.
func (m *mediaSite) site(t *testing.T) http.Handler {
	t.Helper()
	site, err := m.h.website(m.in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func ask(site http.Handler, method, path string, head ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for n := 0; n+1 < len(head); n += 2 {
		r.Header.Set(head[n], head[n+1])
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

// painting makes a picture of some bytes.
func painting(t *testing.T, hue uint8) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 64, 40))
	for y := range 40 {
		for x := range 64 {
			p.Set(x, y, color.RGBA{hue, uint8(x * 4), uint8(y*6) ^ uint8(x), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// copiesOf returns the objects of the bucket that hold b, and how often.
func (m *mediaSite) copiesOf(t *testing.T, b []byte) (n int, in string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(m.w.at.bucket, "media"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() {
			return nil
		} else if err != nil {
			return err
		}
		all, err := os.ReadFile(path)
		if k := bytes.Count(all, b); k > 0 {
			n, in = n+k, path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, in
}

func (m *mediaSite) mustVerify(t *testing.T) {
	t.Helper()
	rep, err := m.h.archive.Verify(t.Context(), archive.VerifyOptions{})
	if err != nil || len(rep.Findings) > 0 {
		t.Errorf("verify: %v, %v", rep.Findings, err)
	}
}

// TestMediaFromDoorToPage: an attachment goes from a feed over the bucket to a
// page; the same bytes are kept once; an edit that names another adds to it; a
// rebuilt catalog is the same; a flipped bit is found.
func TestMediaFromDoorToPage(t *testing.T) {
	t.Parallel()
	m := newMediaSite(t)
	first, second := painting(t, 1), painting(t, 200)
	m.bytes("/a.png", first)
	m.bytes("/b.png", first)
	m.bytes("/c.png", second)
	m.bytes("/d.png", first)
	m.items(mediaItem{"one", "/a.png"}, mediaItem{"two", "/b.png"})
	m.visit(t)
	m.fetch(t)
	if rep := m.fetch(t); rep.Requests != 0 {
		t.Errorf("what is kept is asked for again: %+v", rep)
	}
	m.items(mediaItem{"one", "/c.png"}, mediaItem{"two", "/b.png"}, mediaItem{"three", "/d.png"})
	m.visit(t)
	m.fetch(t)
	want := []string{
		"one a.example/a.png media.kept", "two a.example/b.png media.kept", "one a.example/c.png media.kept", "three a.example/d.png media.kept",
	}
	got := m.events(t)
	slices.Sort(got[2:])
	slices.Sort(got[:2])
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n, _ := m.copiesOf(t, first); n != 1 {
		t.Errorf("%d copies of the same bytes", n)
	}
	m.mustVerify(t)
	m.servesAttachment(t, first, second)
	m.sameCatalog(t)
	m.findsFlippedBit(t, second)
}

// servesAttachment looks at the page of the edited statement, and asks for its
// attachments as a player does.
func (m *mediaSite) servesAttachment(t *testing.T, first, second []byte) {
	t.Helper()
	site, id := m.site(t), onrecord.NewStatementID("website", "https://a.example/one")
	page := ask(site, "GET", "/s/"+string(id)).Body.String()
	if strings.Contains(page, "a.example/c.png\"") || strings.Contains(page, "src=\"http") || !strings.Contains(page, "/media/"+digestHex(second)+".png") {
		t.Errorf("the page of the statement:\n%s", page)
	}
	for _, b := range [][]byte{first, second} {
		path, tag := "/media/"+digestHex(b)+".png", `"`+digestHex(b)+`"`
		for _, test := range []struct {
			method string
			head   []string
			status int
			body   []byte
		}{
			{"GET", nil, 200, b},
			{"HEAD", nil, 200, nil},
			{"GET", []string{"Range", "bytes=10-19"}, 206, b[10:20]},
			{"GET", []string{"Range", "bytes=10-", "If-Range", tag}, 206, b[10:]},
			{"GET", []string{"Range", "bytes=10-", "If-Range", `"old"`}, 200, b},
			{"GET", []string{"If-None-Match", tag}, 304, nil},
			{"GET", []string{"Range", "bytes=999999-"}, 416, nil},
		} {
			got := ask(site, test.method, path, test.head...)
			if got.Code != test.status || !bytes.Equal(got.Body.Bytes(), test.body) {
				t.Errorf("%s %v: %d, %d bytes", test.method, test.head, got.Code, got.Body.Len())
			}
			if got.Code < 400 && (got.Header().Get("ETag") != tag || got.Header().Get("X-Content-Type-Options") != "nosniff") {
				t.Errorf("%s %v: %v", test.method, test.head, got.Header())
			}
		}
		if got := ask(site, "GET", strings.TrimSuffix(path, "png")+"html"); got.Code != 301 || got.Header().Get("Location") != path {
			t.Errorf("with another ending: %d, %v", got.Code, got.Header())
		}
	}
	st, err := m.h.catalog.Statement(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	versions, err := m.h.catalog.Versions(t.Context(), id)
	if err != nil || len(versions) != 2 {
		t.Fatalf("%d versions of %+v, %v", len(versions), st, err)
	}
}

// sameCatalog compares the catalog with one made from the record alone.
func (m *mediaSite) sameCatalog(t *testing.T) {
	t.Helper()
	cfg := new(*m.h.cfg)
	cfg.StateDir = t.TempDir()
	again := m.h.env.newHouse(cfg)
	again.archive, again.key = m.h.archive, m.h.key
	if err := again.openCatalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer again.close()
	var before, after bytes.Buffer
	if err := errors.Join(m.h.catalog.Dump(t.Context(), &before), again.catalog.Dump(t.Context(), &after)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(before.String(), "\n"), strings.Split(after.String(), "\n")); d != "" {
		t.Errorf("a rebuilt catalog differs (-followed +rebuilt):\n%s", d)
	}
}

// findsFlippedBit damages a payload: verify names the object, and the website
// breaks the connection rather than send other bytes as these.
func (m *mediaSite) findsFlippedBit(t *testing.T, b []byte) {
	t.Helper()
	_, path := m.copiesOf(t, b)
	all, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all[bytes.Index(all, b)+len(b)/2] ^= 4
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, all, 0o600)); err != nil {
		t.Fatal(err)
	}
	rep, err := m.h.archive.Verify(t.Context(), archive.VerifyOptions{})
	key, _ := filepath.Rel(m.w.at.bucket, path)
	if err != nil || !slices.ContainsFunc(rep.Findings, func(f archive.Finding) bool { return f.Object == filepath.ToSlash(key) }) {
		t.Errorf("verify of a flipped bit in %s: %v, %v", key, rep.Findings, err)
	}
	if got := ask(m.site(t), "GET", "/media/"+digestHex(b)+".png"); got.Code == 200 {
		t.Errorf("damaged bytes are served: %d, %v", got.Code, got.Header())
	}
}

// TestMediaMissed: what is refused, and why, is in the record; nothing of it is
// in the bucket beyond 64 KiB, and nothing at an inner address was asked for.
func TestMediaMissed(t *testing.T) {
	t.Parallel()
	var inner atomic.Int64
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inner.Add(1) }))
	t.Cleanup(private.Close)
	m := newMediaSite(t)
	m.h.cfg.Media.MaxImage, m.h.cfg.Media.Types = 10_000, []string{"image"}
	in, err := m.h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	m.in = in
	var sent atomic.Int64
	m.file("/huge.png", func(w http.ResponseWriter, r *http.Request) {
		b := append(painting(t, 3), make([]byte, 64<<10)...)
		for r.Context().Err() == nil && sent.Load() < 1<<30 {
			n, err := w.Write(b)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	m.bytes("/page.jpg", []byte("<!DOCTYPE html><title>Please log in</title>"))
	m.bytes("/film.mp4", []byte("\x00\x00\x00\x18ftypisom"+strings.Repeat("x", 99)))
	m.file("/gone.png", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	m.file("/inner.png", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	})
	m.file("/local.png", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(private.URL, "127.0.0.1", "[::1]", 1), http.StatusFound)
	})
	m.items(mediaItem{"one", "/huge.png"}, mediaItem{"two", "/page.jpg"}, mediaItem{"three", "/film.mp4"}, mediaItem{"four", "/gone.png"},
		mediaItem{"five", "/inner.png"}, mediaItem{"six", "http://169.254.169.254/latest/meta-data/a.png"}, mediaItem{"seven", "http://10.0.0.1/a.png"},
		mediaItem{"eight", "/local.png"}, mediaItem{"nine", "http://[fd00::1]/a.png"}, mediaItem{"ten", "file:///etc/passwd"})
	m.visit(t)
	m.fetch(t)
	m.clock.to(m.clock.now().Add(25 * time.Hour))
	m.fetch(t) // a page in place of a file may have been a check that passes
	want := []string{
		"eight a.example/local.png media.missed refused", "five a.example/inner.png media.missed refused", "four a.example/gone.png media.missed gone",
		"nine [fd00::1]/a.png media.missed refused", "one a.example/huge.png media.missed too_large", "seven 10.0.0.1/a.png media.missed refused",
		"six 169.254.169.254/latest/meta-data/a.png media.missed refused", "three a.example/film.mp4 media.missed type", "two a.example/page.jpg media.missed type",
	}
	got := m.events(t)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if inner.Load() != 0 {
		t.Error("a private address was asked")
	}
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("%d bytes were taken of a file of which 10,000 are kept", n)
	}
	if n, _ := m.copiesOf(t, []byte("ftypisom")); n != 0 {
		t.Error("a film is kept")
	}
	m.mustVerify(t)
	page := ask(m.site(t), "GET", "/s/"+string(onrecord.NewStatementID("website", "https://a.example/one"))).Body.String()
	if !strings.Contains(page, "huge.png") || strings.Contains(page, "href=\"https://a.example/huge.png") {
		t.Error("the page does not name the attachment that is not kept, or links to it")
	}
}

// TestMediaTurns: what ends soonest is asked for first; a host that fails is left
// alone, longer each time, and what it never gives is missed after three days.
func TestMediaTurns(t *testing.T) {
	t.Parallel()
	m := newMediaSite(t)
	p := painting(t, 9)
	down := new(atomic.Bool)
	down.Store(true)
	m.file("/busy.png", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	m.file("/later.png", func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(p)
	})
	m.bytes("/soon.png", p)
	m.bytes("/sooner.png", p)
	ends := func(after time.Duration) string { return fmt.Sprintf("?Expires=%d", m.clock.now().Add(after).Unix()) }
	soon, sooner := "/soon.png"+ends(30*time.Hour), "/sooner.png"+ends(3*time.Hour)
	m.items(mediaItem{"busy", "/busy.png"}, mediaItem{"later", "/later.png"}, mediaItem{"soon", soon}, mediaItem{"sooner", sooner})
	m.visit(t)
	m.fetch(t)
	if len(m.asked) != 4 || m.asked[0] != sooner || m.asked[1] != soon {
		t.Errorf("asked for in the order %v", m.asked)
	}
	began := m.clock.now()
	var waits []time.Duration
	for m.clock.now().Sub(began) < 80*time.Hour {
		turns, err := m.in.MediaTurns(t.Context(), m.in.Sources[0])
		if err != nil {
			t.Fatal(err)
		}
		if len(turns) == 0 {
			break
		}
		if wait := turns[0].At.Sub(m.clock.now()); wait > 0 {
			waits = append(waits, wait.Round(time.Minute))
		}
		m.clock.to(turns[0].At.Add(time.Second))
		down.Store(m.clock.now().Sub(began) < time.Hour)
		m.fetch(t)
	}
	if len(waits) < 5 || !slices.IsSorted(waits) || waits[0] > 2*time.Minute || waits[len(waits)-1] > 25*time.Hour {
		t.Errorf("waits %v", waits)
	}
	got := m.events(t)
	for _, want := range []string{"busy a.example/busy.png media.missed unreachable", "later a.example/later.png media.kept"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %v", want, got)
		}
	}
}

// TestMediaOfAnInterruptedVisit: the process ends between fetching and
// committing, and the address with it; what was fetched is committed by the next
// start.
func TestMediaOfAnInterruptedVisit(t *testing.T) {
	t.Parallel()
	m := newMediaSite(t)
	p := painting(t, 17)
	m.bytes("/a.png", p)
	m.items(mediaItem{"one", "/a.png"})
	m.visit(t)
	killed := errors.New("killed")
	m.in.CatchUp = func(context.Context, int64) (int64, error) { return 0, killed }
	if _, err := m.in.FetchMedia(t.Context(), m.in.Sources[0], ""); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	if err := m.h.close(); err != nil {
		t.Fatal(err)
	}
	m.file("/a.png", nil)
	m.open(t)
	if got := m.events(t); len(got) > 0 {
		t.Fatalf("committed already: %v", got)
	}
	if reports, err := m.in.Recover(t.Context(), everyLock); err != nil || len(reports) != 1 {
		t.Fatalf("%+v, %v", reports, err)
	}
	if d := cmp.Diff([]string{"one a.example/a.png media.kept"}, m.events(t)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := ask(m.site(t), "GET", "/media/"+digestHex(p)+".png"); got.Code != 200 || !bytes.Equal(got.Body.Bytes(), p) {
		t.Errorf("%d, %d bytes", got.Code, got.Body.Len())
	}
	if rep := m.fetch(t); rep.Requests > 0 {
		t.Errorf("asked for again: %+v", rep)
	}
	m.mustVerify(t)
}

// TestMediaMemory: a film is kept with memory that does not grow with it.
func TestMediaMemory(t *testing.T) {
	m := newMediaSite(t)
	const size = 64 << 20
	chunk := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	m.file("/film.mp4", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "\x00\x00\x00\x18ftypisom")
		for range size / len(chunk) {
			_, _ = w.Write(chunk)
		}
	})
	m.items(mediaItem{"one", "/film.mp4"})
	m.visit(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m.fetch(t)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%d MiB were allocated for a film of %d MiB", n>>20, size>>20)
	}
	if got := m.events(t); len(got) != 1 || !strings.HasSuffix(got[0], string(onrecord.MediaKept)) {
		t.Error(got)
	}
}

// TestSmallPictures: a small picture is made when a picture is kept, and no reader
// waits for it; what can't be decoded is shown as a file.
func TestSmallPictures(t *testing.T) {
	t.Parallel()
	m := newMediaSite(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "onrecord") // by this name it is the program
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	m.h.env.helper = []string{"/usr/bin/env", "GORACE=atexit_sleep_ms=0", program, helperCommand}
	m.h.thumbnails = sync.OnceValues(m.h.newThumbnails)
	if m.in, err = m.h.ingester(); err != nil {
		t.Fatal(err)
	}
	whole := painting(t, 77)
	half := painting(t, 78)
	half = half[:len(half)/2]
	m.bytes("/whole.png", whole)
	m.bytes("/half.png", half)
	m.bytes("/drawing.svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"))
	m.items(mediaItem{"one", "/whole.png", "/half.png", "/drawing.svg"})
	m.visit(t)
	rep := m.fetch(t)
	if len(rep.Problems) != 1 || !strings.Contains(rep.Problems[0], "half.png: kept without a small picture: none can be made of this file: exit status 1") {
		t.Errorf("%q", rep.Problems)
	}
	list, err := filepath.Glob(filepath.Join(m.h.thumbDir(), "*"))
	if err != nil || len(list) != 1 || filepath.Base(list[0]) != digestHex(whole)+".jpg" {
		t.Errorf("small pictures %q, %v", list, err)
	}
	site := m.site(t)
	if got := ask(site, "GET", "/media/"+digestHex(whole)+"/thumb.jpg"); got.Code != 200 || got.Header().Get("Content-Type") != "image/jpeg" {
		t.Errorf("the small picture: %d, %v", got.Code, got.Header())
	}
	page := ask(site, "GET", "/s/"+string(onrecord.NewStatementID("website", "https://a.example/one"))).Body.String()
	if strings.Count(page, "<img") != 1 || !strings.Contains(page, "/media/"+digestHex(half)+".png") {
		t.Errorf("the page shows what nobody can, or lacks it:\n%s", page)
	}
	m.mustVerify(t)
}

// TestPicturesWithoutHelper: where this machine can't look at a picture, that says
// nothing of the picture: it is asked for again, three times in all, and then kept
// without its size; at once where its address ends before that.
func TestPicturesWithoutHelper(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failing int           // visits before the helper is there; 0: never
		ends    time.Duration // after the first; 0: never
		visits  int
		shown   bool
	}{
		"a helper that comes back":  {1, 0, 2, true},
		"no helper ever":            {0, 0, 3, false},
		"an address that ends soon": {0, 30 * time.Second, 1, false},
	} {
		m := newMediaSite(t)
		p, broken := painting(t, 77), true
		m.in.Media.Picture = func(context.Context, onrecord.File) (int, int, func(), error) {
			if broken {
				return 0, 0, nil, errors.New("no process can be started")
			}
			return 64, 40, func() {}, nil
		}
		m.bytes("/whole.png", p)
		path := "/whole.png"
		if c.ends > 0 {
			path += fmt.Sprintf("?expires=%d", m.clock.now().Add(time.Hour+c.ends).Unix())
		}
		m.items(mediaItem{"one", path})
		m.visit(t)
		for n := 1; n <= c.visits; n++ {
			broken = c.failing == 0 || n <= c.failing
			rep := m.fetch(t)
			if kept := len(m.events(t)) == 1; kept != (n == c.visits) || rep.Requests != 1 {
				t.Fatalf("%s, visit %d: %v, %+v", name, n, m.events(t), rep)
			}
			if again := m.fetch(t); again.Requests != 0 {
				t.Errorf("%s, visit %d: asked again at once", name, n)
			}
			m.clock.to(m.clock.now().Add(time.Hour))
		}
		st, err := m.h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/one"))
		if err != nil || len(st.Media) != 1 || st.Media[0].Kept == nil || st.Media[0].Kept.Width > 0 != c.shown {
			t.Errorf("%s: %+v, %v", name, st.Media, err)
		}
		m.mustVerify(t)
	}
}

// TestMediaWithinMessages: pictures that lie within messages are kept from
// there, once for all of them, where the operator says so.
func TestMediaWithinMessages(t *testing.T) {
	t.Parallel()
	p := bytes.Buffer{}
	if err := png.Encode(&p, image.NewGray(image.Rect(0, 0, 200, 150))); err != nil {
		t.Fatal(err)
	}
	mail := func(id string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("From: Jane <news@jane.example>\nTo: John Doe <john@reader.example>\nSubject: News\nDate: Mon, 7 Sep 2026 10:00:00 +0000\nMessage-ID: <" + id + "@jane.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nThe news of " + id + ".\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(p.Bytes()) + "\n--b--\n")}
	}
	for _, pictures := range []bool{false, true} {
		m := &mediaSite{clock: &movedClock{t: time.Date(2026, 9, 20, 8, 0, 0, 0, time.UTC)}}
		m.w = newWorld(t, m.clock)
		m.h = m.w.open(t, "      - {id: letter, platform: email, account: news@jane.example, account_id: jane.example}\n")
		var err error
		if m.in, err = m.h.ingester(); err != nil {
			t.Fatal(err)
		}
		rep, err := m.in.Import(t.Context(), m.in.Sources[0], mailbox.New(), fstest.MapFS{"one.eml": mail("one"), "two.eml": mail("two")}, ingest.ImportOptions{Pictures: pictures})
		if err != nil || rep.Created != 2 {
			t.Fatalf("%+v, %v", rep, err)
		}
		id := onrecord.NewStatementID("email", "two@jane.example")
		st, err := m.h.catalog.Statement(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		copies, _ := m.copiesOf(t, p.Bytes())
		if !pictures {
			if len(m.events(t)) > 0 || copies > 0 || len(st.Media) > 0 {
				t.Errorf("pictures are kept unasked: %v", m.events(t))
			}
			continue
		}
		if len(m.events(t)) != 2 || copies != 1 || len(st.Media) != 1 || st.Media[0].Kept == nil {
			t.Errorf("%v, %d copies, %+v", m.events(t), copies, st.Media)
		}
		site, path := m.site(t), "/media/"+digestHex(p.Bytes())+".png"
		if got := ask(site, "GET", path); got.Code != 200 || !bytes.Equal(got.Body.Bytes(), p.Bytes()) {
			t.Errorf("%s: %d", path, got.Code)
		}
		if page := ask(site, "GET", "/s/"+string(id)).Body.String(); !strings.Contains(page, path) {
			t.Errorf("the page does not show it:\n%s", page)
		}
		m.mustVerify(t)
		m.sameCatalog(t)
	}
}

// TestImportEndsAtAPicture: an import that is interrupted while it looks at a
// picture records nothing that lacks it, and a small one is there no sooner than
// its visit is in the record.
func TestImportEndsAtAPicture(t *testing.T) {
	t.Parallel()
	m := &mediaSite{clock: &movedClock{t: time.Date(2026, 9, 20, 8, 0, 0, 0, time.UTC)}}
	m.w = newWorld(t, m.clock)
	m.h = m.w.open(t, "      - {id: letter, platform: email, account: news@jane.example, account_id: jane.example}\n")
	var err error
	if m.in, err = m.h.ingester(); err != nil {
		t.Fatal(err)
	}
	p := bytes.Buffer{}
	if err := png.Encode(&p, image.NewGray(image.Rect(0, 0, 200, 150))); err != nil {
		t.Fatal(err)
	}
	mail := fstest.MapFS{"one.eml": {Data: []byte("From: Jane <news@jane.example>\nTo: John Doe <john@reader.example>\nSubject: News\nDate: Mon, 7 Sep 2026 10:00:00 +0000\nMessage-ID: <one@jane.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nThe news.\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(p.Bytes()) + "\n--b--\n")}}
	size := func() int64 {
		head, err := m.h.archive.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return head.Size
	}
	before, kept := size(), 0
	ctx, cancel := context.WithCancel(t.Context())
	m.in.Media.Picture = func(context.Context, onrecord.File) (int, int, func(), error) {
		cancel()
		return 1, 1, func() {
			if kept++; size() == before {
				t.Error("a small picture comes before the record")
			}
		}, nil
	}
	run := func(ctx context.Context) error {
		_, err := m.in.Import(ctx, m.in.Sources[0], mailbox.New(), mail, ingest.ImportOptions{Pictures: true})
		return err
	}
	if err := run(ctx); !errors.Is(err, context.Canceled) || len(m.events(t)) > 0 || kept > 0 {
		t.Errorf("interrupted: %v, %v, %d small pictures", err, m.events(t), kept)
	}
	before = size()
	if err := run(t.Context()); err != nil || len(m.events(t)) != 1 || kept != 1 {
		t.Errorf("again: %v, %v, %d small pictures", err, m.events(t), kept)
	}
	m.mustVerify(t)
}
