// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"onrecord/crawler/fake"
)

func platform(t testing.TB, script string) *fake.Platform {
	t.Helper()
	p, err := fake.New([]byte(script))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ask makes a request without a network.
func ask(p http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://platform.example"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSequence(t *testing.T) {
	p := platform(t, "-- GET /a --\n\none\n-- GET /a --\nstatus 503\nRetry-After: 60\n\n-- GET /a --\n\nthree\n\n")
	want := []string{"200 one", "503 ", "200 three\n", "200 three\n"}
	for i, w := range want {
		r := ask(p, "GET", "/a?x=1")
		if got := r.Status[:4] + body(t, r); got != w {
			t.Errorf("request %d: %q, want %q", i, got, w)
		}
		if i == 1 && r.Header.Get("Retry-After") != "60" {
			t.Errorf("headers %v", r.Header)
		}
	}
	if p.Count("GET /a") != 4 || p.Count("GET /b") != 0 || p.Total() != 4 {
		t.Errorf("counts %d, %d, %d", p.Count("GET /a"), p.Count("GET /b"), p.Total())
	}
	if s := p.Served(); len(s) != 4 || s[1].Status != 503 || s[1].Path != "/a?x=1" || s[1].Host != "platform.example" {
		t.Errorf("served %+v", s)
	}
}

func TestScenes(t *testing.T) {
	p := platform(t, "-- GET /a --\nscene 2\n\nlast\n-- GET /a --\n\none\n-- GET /a --\n\ntwo\n-- GET /b --\nscene 1\n\nb\n")
	get := func(path string) string { r := ask(p, "GET", path); return r.Status[:4] + body(t, r) }
	missing := "404 not in the script\n"
	for _, step := range []struct {
		scene int
		a, b  string
	}{{0, "200 one", missing}, {0, "200 two", missing}, {1, "200 two", "200 b"}, {2, "200 last", "200 b"}, {3, "200 last", "200 b"}, {0, "200 one", missing}} {
		p.SetScene(step.scene)
		if a, b := get("/a"), get("/b"); a != step.a || b != step.b {
			t.Errorf("scene %d: %q and %q, want %q and %q", step.scene, a, b, step.a, step.b)
		}
	}
}

func TestRoutes(t *testing.T) {
	p := platform(t, "-- GET /news/* --\n\npattern\n-- GET /news/long/* --\n\nlonger\n-- GET /news/1 --\n\nwhole\n-- GET /news/1?page=2 --\n\nquery\n-- HEAD /news/2 --\nX-Head: yes\n\n-- POST /news/1 --\n\nposted\n-- robots.txt --\nUser-agent: *\nDisallow: /x\n")
	for request, want := range map[string]string{
		"GET /news/7": "pattern", "GET /news/long/7": "longer", "GET /news/1": "whole", "GET /news/1?page=3": "whole", "GET /news/1?page=2": "query",
		"POST /news/1": "posted", "GET /other": "not in the script\n", "PUT /news/1": "not in the script\n", "GET /robots.txt": "User-agent: *\nDisallow: /x\n",
		"HEAD /news/1": "", "HEAD /news/2": "",
	} {
		method, path, _ := strings.Cut(request, " ")
		if r := ask(p, method, path); body(t, r) != want || (r.StatusCode == 404) != strings.HasPrefix(want, "not") {
			t.Errorf("%s: %s, want %q", request, r.Status, want)
		}
	}
	if r := ask(p, "HEAD", "/news/2"); r.Header.Get("X-Head") != "yes" {
		t.Error("HEAD of its own does not go before GET")
	}
	if r := ask(platform(t, "-- GET /a --\n\na\n"), "GET", "/robots.txt"); r.StatusCode != 404 {
		t.Errorf("robots.txt that is not in the script: %s", r.Status)
	}
}

func TestConditional(t *testing.T) {
	p := platform(t, "-- GET /etag --\nconditional\n\none\n-- GET /etag --\nconditional\n\ntwo\n-- GET /date --\nLast-Modified: Sun, 01 Mar 2026 10:00:00 GMT\n\nx\n-- GET /fixed --\nETag: W/\"v1\"\n\nx\n-- GET /gone --\nstatus 410\nconditional\n\ngone\n")
	one := ask(p, "GET", "/etag").Header.Get("Etag")
	two := ask(p, "GET", "/etag", "If-None-Match", one)
	if one == "" || two.StatusCode != 200 || two.Header.Get("Etag") == one {
		t.Errorf("changed: %s, ETag %q after %q", two.Status, two.Header.Get("Etag"), one)
	}
	gone := ask(p, "GET", "/gone")
	for _, tt := range []struct {
		path, name, value string
		want              int
	}{
		{"/etag", "If-None-Match", two.Header.Get("Etag"), 304},
		{"/etag", "If-None-Match", `"other", W/` + two.Header.Get("Etag"), 304},
		{"/etag", "If-None-Match", `"other"`, 200},
		{"/etag", "If-None-Match", `*`, 304},
		{"/fixed", "If-None-Match", `"v1"`, 304},
		{"/date", "If-None-Match", `"v1"`, 200},
		{"/date", "If-Modified-Since", "Sun, 01 Mar 2026 10:00:00 GMT", 304},
		{"/date", "If-Modified-Since", "Sun, 01 Mar 2026 09:59:59 GMT", 200},
		{"/date", "If-Modified-Since", "yesterday", 200},
		{"/gone", "If-None-Match", gone.Header.Get("Etag"), 410},
	} {
		r := ask(p, "GET", tt.path, tt.name, tt.value)
		if b := body(t, r); r.StatusCode != tt.want || tt.want == 304 && b != "" {
			t.Errorf("%s with %s: %s: %s %q, want %d", tt.path, tt.name, tt.value, r.Status, b, tt.want)
		}
	}
}

func TestBodies(t *testing.T) {
	p := platform(t, "-- GET /a --\nLocation: {{base}}/b\n\n{{base}}/x on {{host}}\n-- GET /gzip --\ngzip\nrepeat 1000\n\nabc\n-- GET /none --\nstatus 204\n")
	r := ask(p, "GET", "/a")
	if got, want := r.Header.Get("Location")+" "+body(t, r), "http://platform.example/b http://platform.example/x on platform.example"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r = ask(p, "GET", "/gzip")
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(z); string(b) != strings.Repeat("abc", 1000) || err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes, %v, %v", len(b), err, r.Header)
	}
	if r = ask(p, "GET", "/none"); r.StatusCode != 204 || body(t, r) != "" {
		t.Errorf("%s", r.Status)
	}
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := platform(t, "-- GET /a --\ndelay 90s\n\nlate\n")
		start := time.Now()
		if r := ask(p, "GET", "/a"); body(t, r) != "late" || time.Since(start) != 90*time.Second {
			t.Errorf("%s after %v", r.Status, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/a", nil))
		if d := time.Since(start); d != time.Second {
			t.Errorf("a client that left after 1s was waited for %v", d)
		}
	})
}

// TestBrokenConnections needs a real listener.
func TestBrokenConnections(t *testing.T) {
	p := platform(t, "-- GET /cut --\ncut 5\n\n0123456789\n-- GET /reset --\nreset\n-- GET /ok --\ncut 100\n\nfine\n")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Serve(ctx, l) }()
	base := "http://" + l.Addr().String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(base + "/cut")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	r.Body.Close()
	if string(b) != "01234" || !errors.Is(err, io.ErrUnexpectedEOF) || r.ContentLength != 10 {
		t.Errorf("cut: %q of %d, %v", b, r.ContentLength, err)
	}
	if r, err := client.Get(base + "/reset"); err == nil {
		t.Errorf("reset: %s", r.Status)
	}
	if r, err = client.Get(base + "/ok"); err != nil {
		t.Fatal(err)
	}
	if got := body(t, r); got != "fine" {
		t.Errorf("a cut behind the end: %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := p.Serve(t.Context(), l); err == nil {
		t.Error("Serve on a closed listener: no error")
	}
}

func TestScriptErrors(t *testing.T) {
	for script, want := range map[string]string{
		"":                                     "no files",
		"-- /a --\n":                           "-- /a --: a name is METHOD /path",
		"-- get /a --\n":                       "METHOD /path",
		"-- GET a --\n":                        "METHOD /path",
		"-- GET /a b --\n":                     "METHOD /path",
		"-- GET /a --\nstatus 99\n":            "line 1",
		"-- GET /a --\nA: b\nstatus ok\n":      `line 2: "status ok"`,
		"-- GET /a --\nnonsense\n":             "neither a header nor a directive",
		"-- GET /a --\ndelay soon\n":           "no duration",
		"-- GET /a --\ndelay -1s\n":            "no duration",
		"-- GET /a --\ncut -1\n":               "neither",
		"-- GET /a --\nreset now\n":            "takes nothing",
		"-- GET /a --\nBad\x01Name: x\n":       "no header",
		"-- GET /a --\nName: x\x00y\n":         "no header",
		"-- GET /a --\nrepeat 99999999999\n\n": "neither",
	} {
		_, err := fake.New([]byte(script))
		if !errors.Is(err, fake.ErrScript) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", script, err, want)
		}
	}
}

// FuzzScript: no script makes New or its platform panic, but for the panic
// that breaks a connection.
func FuzzScript(f *testing.F) {
	f.Add([]byte("-- GET /a --\nstatus 200\nconditional\ngzip\n\nbody\n-- GET /a --\nscene 1\ncut 3\n\nbody\n-- robots.txt --\n"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if bytes.Contains(script, []byte("delay")) || bytes.Contains(script, []byte("repeat")) {
			return
		}
		p, err := fake.New(script)
		if err != nil {
			if !errors.Is(err, fake.ErrScript) {
				t.Fatal(err)
			}
			return
		}
		defer func() {
			if r := recover(); r != nil && r != http.ErrAbortHandler {
				panic(r)
			}
		}()
		for scene := range 3 {
			p.SetScene(scene)
			ask(p, "GET", "/a")
		}
		if d := cmp.Diff(3, p.Total()); d != "" {
			t.Fatal(d)
		}
	})
}

// TestPicture: what a script draws is a picture of the size that it says, and two
// charts that end elsewhere are two pictures.
func TestPicture(t *testing.T) {
	p, err := fake.New([]byte("-- GET /bridge --\npicture 60x40 bridge\n\n-- GET /25 --\npicture 90x60 chart 25\n\n-- GET /50 --\npicture 90x60 chart 50\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, width := range map[string]int{"/bridge": 60, "/25": 90, "/50": 90} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		seen[w.Body.String()] = true
		if c, err := png.DecodeConfig(w.Body); err != nil || c.Width != width || c.Height != width*2/3 || w.Header().Get("Content-Type") != "image/png" {
			t.Errorf("%s: %+v, %v, %s", path, c, err, w.Header().Get("Content-Type"))
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d pictures of 3", len(seen))
	}
	for _, spec := range []string{"60x40", "60x40 boat", "0x40 bridge", "5000x40 bridge", "60x40 chart", "60x40 chart 99"} {
		if _, err := fake.New([]byte("-- GET /x --\npicture " + spec + "\n\n")); !errors.Is(err, fake.ErrScript) {
			t.Errorf("picture %s: %v", spec, err)
		}
	}
}

// TestSecure: over TLS the platform's address is an https one, and a reset is one.
func TestSecure(t *testing.T) {
	p, err := fake.New([]byte("-- GET /a --\n\n{{base}}/b\n-- GET /reset --\nreset\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(p)
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL + "/a")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != srv.URL+"/b" {
		t.Errorf("%q, %v", b, err)
	}
	if res, err := srv.Client().Get(srv.URL + "/reset"); err == nil {
		res.Body.Close()
		t.Error("an answer where there is none")
	}
}
