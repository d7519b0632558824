// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"onrecord"
	"onrecord/web"
)

// packed makes packages whose bytes tell whose they are.
type packed struct{ *memory }

func (p packed) Package(_ context.Context, id onrecord.StatementID) (web.Package, error) {
	body := []byte("PK\x03\x04 package of " + string(id) + strings.Repeat(" .", 200))
	return web.Package{Body: body, SHA256: sha256.Sum256(body), Created: day("2026-08-06 09:00:00")}, nil
}

// askFor asks for a package with these header fields.
func askFor(t *testing.T, h http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, base+path, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPackage(t *testing.T) {
	m := build()
	h := site(t, m)
	path := "/s/" + string(idDeleted) + ".wacz"
	whole := askFor(t, h, "GET", path, map[string]string{"Origin": "https://replay.example", "Accept-Encoding": "gzip"})
	body := whole.Body.Bytes()
	sum := sha256.Sum256(body)
	for name, want := range map[string]string{
		"Content-Type": "application/wacz", "Accept-Ranges": "bytes", "Content-Length": fmt.Sprint(len(body)), "ETag": fmt.Sprintf("\"%x\"", sum),
		"Repr-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":", "Access-Control-Allow-Origin": "*", "Content-Encoding": "",
		"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff", "Content-Disposition": `attachment; filename="` + string(idDeleted) + `.wacz"`,
	} {
		if got := whole.Header().Get(name); whole.Code != 200 || got != want {
			t.Errorf("%d, %s is %q, want %q", whole.Code, name, got, want)
		}
	}
	if !strings.Contains(whole.Header().Get("Access-Control-Expose-Headers"), "Content-Range") {
		t.Error("scripts elsewhere do not see Content-Range")
	}
	etag := whole.Header().Get("ETag")
	for _, c := range []struct {
		name, method string
		header       map[string]string
		code         int
		body         []byte
	}{
		{"a part", "GET", map[string]string{"Range": "bytes=10-19"}, 206, body[10:20]},
		{"the end", "GET", map[string]string{"Range": "bytes=-22"}, 206, body[len(body)-22:]},
		{"a part of the same file", "GET", map[string]string{"Range": "bytes=10-19", "If-Range": etag}, 206, body[10:20]},
		{"a part of another file", "GET", map[string]string{"Range": "bytes=10-19", "If-Range": `"other"`}, 200, body},
		{"a part beyond the end", "GET", map[string]string{"Range": "bytes=99999-"}, 416, nil},
		{"what is another file by now", "GET", map[string]string{"If-Match": `"other"`}, 412, []byte{}},
		{"the same file once more", "GET", map[string]string{"If-None-Match": etag}, 304, []byte{}},
		{"no body", "HEAD", nil, 200, []byte{}},
		{"what may be asked", "OPTIONS", map[string]string{"Origin": "https://replay.example"}, 204, []byte{}},
	} {
		w := askFor(t, h, c.method, path, c.header)
		if w.Code != c.code || c.body != nil && !bytes.Equal(w.Body.Bytes(), c.body) {
			t.Errorf("%s: %d with %d bytes, want %d with %d", c.name, w.Code, w.Body.Len(), c.code, len(c.body))
		}
		if digest := w.Header().Get("Repr-Digest"); c.code >= 400 && digest != "" {
			t.Errorf("%s: what is sent has not the digest %s", c.name, digest)
		}
	}
	if page := get(t, h, "/s/"+string(idDeleted)).Body.String(); !strings.Contains(page, `href="`+path+`"`) {
		t.Error("the statement's page does not link its package")
	}
}

// TestNoPackage says of what there is no package, to readers and to programs.
func TestNoPackage(t *testing.T) {
	m := build()
	h := site(t, m)
	for path, code := range map[string]int{
		"/s/" + string(idWithheld) + ".wacz":       http.StatusGone,
		"/s/zzzzzzzzzzzzzzzz.wacz":                 http.StatusNotFound,
		"/s/x.wacz":                                http.StatusNotFound,
		"/s/.wacz":                                 http.StatusNotFound,
		"/s/" + string(idDeleted) + ".wacz?size=1": http.StatusBadRequest,
		"/s/" + string(idDeleted) + ".WACZ":        http.StatusNotFound,
	} {
		reader := askFor(t, h, "GET", path, map[string]string{"Accept": "text/html,*/*"})
		if reader.Code != code || !strings.HasPrefix(reader.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s to a reader: %d %s, want %d", path, reader.Code, reader.Header().Get("Content-Type"), code)
		}
		if strings.HasSuffix(path, ".WACZ") {
			continue // an address like any other that is not there
		}
		var p struct {
			Status int
			Title  string
		}
		program := askFor(t, h, "GET", path, nil)
		if err := json.Unmarshal(program.Body.Bytes(), &p); program.Code != code || err != nil || p.Status != code || p.Title == "" {
			t.Errorf("%s to a program: %d %v %s", path, program.Code, err, program.Body)
		}
		if strings.Contains(reader.Body.String()+program.Body.String(), secretText) {
			t.Errorf("%s tells what was withheld", path)
		}
	}
}

// TestPackageBounds packs nothing that is larger than the site says.
func TestPackageBounds(t *testing.T) {
	for name, edit := range map[string]func(list []onrecord.Evidence) []onrecord.Evidence{
		"no capture": func([]onrecord.Evidence) []onrecord.Evidence { return nil },
		"too large":  func(list []onrecord.Evidence) []onrecord.Evidence { list[0].Length = web.MaxPackage + 1; return list },
		"too many": func(list []onrecord.Evidence) []onrecord.Evidence {
			for i := range web.MaxPackageCaptures + 1 {
				one := list[0]
				one.Offset = int64(i) * 1000
				list = append(list, one)
			}
			return list
		},
	} {
		o := options(build())
		o.Statements = editedCaptures{o.Statements, edit}
		h, err := web.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if w := get(t, h, "/s/"+string(idDeleted)+".wacz"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "not packed on request") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if page := get(t, h, "/s/"+string(idDeleted)).Body.String(); strings.Contains(page, ".wacz") {
			t.Errorf("%s: the page offers a package", name)
		}
	}
}

// A reader is embedded where its method of the same name is not hidden.
type reader interface{ web.Statements }

// editedCaptures reads other captures.
type editedCaptures struct {
	reader
	edit func([]onrecord.Evidence) []onrecord.Evidence
}

func (e editedCaptures) Captures(ctx context.Context, id onrecord.StatementID) ([]onrecord.Evidence, error) {
	list, err := e.reader.Captures(ctx, id)
	return e.edit(append([]onrecord.Evidence{}, list...)), err
}
