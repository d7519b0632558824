// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"onrecord"
	"onrecord/web"
)

// mediaSite is a site with files, and their addresses by name.
func mediaSite(t testing.TB, files map[string][]byte) (http.Handler, *mediaMemory, map[string]string) {
	t.Helper()
	o := options(build())
	m := newMediaMemory(files)
	o.Media = m
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for name, b := range files {
		kind, _, _ := strings.Cut(name, " ")
		at[name] = "/media/" + storedAs(b, kind).SHA256
	}
	return h, m, at
}

func TestMediaRanges(t *testing.T) {
	body := []byte("0123456789")
	h, m, at := mediaSite(t, map[string][]byte{"video/mp4": body})
	path := at["video/mp4"] + ".mp4"
	sum, _ := hex.DecodeString(strings.TrimPrefix(at["video/mp4"], "/media/"))
	for _, test := range []struct {
		headers []string
		status  int
		body    string
		span    string
	}{
		{nil, 200, "0123456789", ""},
		{[]string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=7-"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range", "bytes=0-99"}, 206, "0123456789", "bytes 0-9/10"},
		{[]string{"Range", "bytes=10-"}, 416, "", "bytes */10"},
		{[]string{"Range", "bytes=-0"}, 416, "", "bytes */10"},
		{[]string{"Range", "bytes=-99"}, 206, "0123456789", "bytes 0-9/10"},
		{[]string{"Range", "bytes=4-2"}, 200, "0123456789", ""},
		{[]string{"Range", "bytes=0-1,3-4"}, 200, "0123456789", ""},
		{[]string{"Range", "lines=1-2"}, 200, "0123456789", ""},
		{[]string{"Range", "bytes=2-4", "If-Range", `"` + hex.EncodeToString(sum) + `"`}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=2-4", "If-Range", `"other"`}, 200, "0123456789", ""},
		{[]string{"Range", "bytes=2-4", "If-Range", `W/"` + hex.EncodeToString(sum) + `"`}, 200, "0123456789", ""},
		{[]string{"If-None-Match", `"` + hex.EncodeToString(sum) + `"`}, 304, "", ""},
		{[]string{"If-Match", `"other", "` + hex.EncodeToString(sum) + `"`}, 200, "0123456789", ""},
		{[]string{"If-Match", "*"}, 200, "0123456789", ""},
		{[]string{"If-Match", `"other"`}, 412, "", ""},
		{[]string{"If-Match", `W/"` + hex.EncodeToString(sum) + `"`}, 412, "", ""},
	} {
		got := get(t, h, path, test.headers...)
		if got.Code != test.status || got.Body.String() != test.body || got.Header().Get("Content-Range") != test.span {
			t.Errorf("%v: %d, %q, %q", test.headers, got.Code, got.Body, got.Header().Get("Content-Range"))
		}
		if test.status == 416 || test.status == 412 {
			if h := got.Header(); h.Get("Repr-Digest") != "" || h.Get("Content-Type") != "" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%v: %v", test.headers, h)
			}
			continue
		}
		for name, want := range map[string]string{
			"ETag": `"` + hex.EncodeToString(sum) + `"`, "Repr-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(sum) + ":",
			"Cache-Control": "public, max-age=86400, s-maxage=60", "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes",
			"Content-Security-Policy": "default-src 'none'; sandbox", "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin",
			"Content-Type": "video/mp4", "Content-Disposition": "inline; filename=" + hex.EncodeToString(sum) + ".mp4",
		} {
			if got := got.Header().Get(name); got != want {
				t.Errorf("%v: %s is %q, want %q", test.headers, name, got, want)
			}
		}
	}
	r := httptest.NewRequest(http.MethodHead, path, nil)
	r.Header.Set("Range", "bytes=2-4") // means nothing in a HEAD
	head := httptest.NewRecorder()
	h.ServeHTTP(head, r)
	if head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != "10" {
		t.Errorf("HEAD: %d, %d bytes, %v", head.Code, head.Body.Len(), head.Header())
	}
	m.away = true
	h.ServeHTTP(httptest.NewRecorder(), r) // for which nothing is opened
	gone := get(t, h, path)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Referrer-Policy": head.Header().Get("Referrer-Policy"),
		"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff", "Content-Type": "application/problem+json", "Cache-Control": "no-store",
		"ETag": "", "Repr-Digest": "", "Content-Disposition": "",
	} {
		if got := gone.Header().Get(name); gone.Code != 503 || got != want {
			t.Errorf("while the store is away: %d, %s is %q, want %q", gone.Code, name, got, want)
		}
	}
	m.away, m.damaged = false, true
	func() {
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
				t.Errorf("other bytes are sent as if they were right: %v", err)
			}
		}()
		get(t, h, path)
	}()
}

func TestMediaAddresses(t *testing.T) {
	h, m, at := mediaSite(t, map[string][]byte{"image/png": photo()})
	path := at["image/png"]
	for to, want := range map[string]int{
		path + ".png": 200, path + ".jpg": 301, path: 301, path + "/thumb.jpg": 200, path + "/thumb.png": 404,
		"/media/" + strings.Repeat("0", 64) + ".png": 404, "/media/..%2f..%2fetc%2fpasswd": 404, "/media/" + strings.Repeat("A", 64) + ".png": 404,
		path + ".png%00": 404, path + ".exe.png": 404,
	} {
		if got := get(t, h, to); got.Code != want || want == 301 && got.Header().Get("Location") != path+".png" {
			t.Errorf("%s: %d, %q", to, got.Code, got.Header().Get("Location"))
		}
	}
	withheld := onrecord.StatementID("")
	for id, st := range build().statements {
		if st.State == onrecord.StateWithheld {
			withheld = id
		}
	}
	m.withheld = withheld
	for _, to := range []string{path + ".png", path + "/thumb.jpg"} {
		if got := get(t, h, to); got.Code != http.StatusGone && got.Code != http.StatusUnavailableForLegalReasons || bytes.Contains(got.Body.Bytes(), []byte("PNG")) {
			t.Errorf("%s of a withheld statement: %d", to, got.Code)
		}
	}
}

// hostileFiles are sixty files that strangers made to run a script in a reader's
// browser, by the media type that the archive found in their bytes.
func hostileFiles() map[string][]byte {
	const script = "<script>document.title='RAN';fetch('/ran')</script>"
	bodies := map[string]string{
		"image/svg+xml": `<svg xmlns="http://www.w3.org/2000/svg" onload="document.title='RAN';fetch('/ran')">` + script + `<foreignObject><body xmlns="http://www.w3.org/1999/xhtml">` + script + `</body></foreignObject></svg>`,
		"image/gif":     "GIF89a/*" + script + "*/=1;fetch('/ran')//", "image/png": "\x89PNG\r\n\x1a\n" + script, "image/jpeg": "\xff\xd8\xff\xe0\x2f\x2a" + script,
		"image/webp": "RIFF\x00\x00\x00\x00WEBPVP8 " + script, "image/bmp": "BM" + script, "video/mp4": "\x00\x00\x00\x18ftypisom" + script, "audio/mpeg": "ID3" + script,
		"application/pdf": "%PDF-1.7\n" + script + "\n1 0 obj<</S/JavaScript/JS(app.alert(1))>>endobj", "application/zip": "PK\x03\x04" + script,
		"text/plain": "words\n" + script, "text/html": "<!DOCTYPE html>" + script,
	}
	files := map[string][]byte{}
	for kind, body := range bodies {
		for i := range 5 {
			files[fmt.Sprintf("%s %d", kind, i)] = []byte(body + strings.Repeat(" ", i))
		}
	}
	return files
}

// TestHostileFiles: what could run a script is a download of octets, and all of
// it lies in a sandbox.
func TestHostileFiles(t *testing.T) {
	files := hostileFiles()
	if len(files) != 60 {
		t.Fatalf("%d files", len(files))
	}
	h, _, at := mediaSite(t, files)
	for name := range files {
		got := get(t, h, at[name])
		if got.Code == http.StatusMovedPermanently {
			got = get(t, h, got.Header().Get("Location"))
		}
		head := got.Header()
		kind := head.Get("Content-Type")
		if got.Code != 200 || head.Get("X-Content-Type-Options") != "nosniff" || head.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
			t.Errorf("%s: %d, %v", name, got.Code, head)
		}
		if strings.Contains(kind, "html") || strings.Contains(kind, "svg") || strings.Contains(kind, "xml") || strings.HasPrefix(kind, "text/") {
			t.Errorf("%s is served as %s", name, kind)
		}
		raster := strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/")
		if inline := strings.HasPrefix(head.Get("Content-Disposition"), "inline"); inline != raster {
			t.Errorf("%s, %s: %q", name, kind, head.Get("Content-Disposition"))
		}
	}
}
