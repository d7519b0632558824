// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"onrecord"
	"onrecord/web"
)

// objects is a web.Record in memory. Bytes 10 to 19 of captures are hidden, and
// the whole of journal segments.
type objects struct {
	m    map[string]string
	down onrecord.Takedown
}

func (o objects) Object(_ context.Context, key string, off, n int64) (web.RecordObject, error) {
	b, ok := o.m[key]
	if !ok {
		return web.RecordObject{}, fmt.Errorf("%s: %w", key, onrecord.ErrNotFound)
	}
	if n < 0 {
		n = int64(len(b)) - off
	}
	return web.RecordObject{ReadCloser: io.NopCloser(strings.NewReader(b[off : off+n])), Size: int64(len(b))}, nil
}

func (o objects) Hidden(_ context.Context, key string) ([]onrecord.Span, onrecord.Takedown, error) {
	switch {
	case o.down.Case == "":
	case strings.HasPrefix(key, "captures/"):
		return []onrecord.Span{{Object: key, Offset: 10, Length: 5}, {Object: key, Offset: 12, Length: 8}}, o.down, nil
	case strings.HasPrefix(key, "journal/"):
		return []onrecord.Span{{Object: key, Length: -1}}, o.down, nil
	}
	return nil, onrecord.Takedown{}, nil
}

const (
	captureKey = "captures/2026/11/22/01m819eke03fxhz8vw86ghx93a.warc.gz"
	segmentKey = "journal/2026/11/22/01m819eke03fxhz8vw86ghx93a.ndjson.zst"
)

func recordSite(t *testing.T, down onrecord.Takedown) http.Handler {
	t.Helper()
	return siteOf(t, build(), func(o *web.Options) {
		o.Record = objects{down: down, m: map[string]string{
			"onrecord.json": "{}", "log/head": "{head}", "log/checkpoint": "note", "log/tile/0/x001/000.p/3": "tile", "log/tile/entries/000": "bundle",
			captureKey: strings.Repeat("0123456789", 3), segmentKey: "segment",
			"state/press.json": "state", "views/catalog/9.db.zst": "what is withheld", "secret": "x",
		}}
	})
}

func TestRecordServesObjectsByRanges(t *testing.T) {
	h := recordSite(t, onrecord.Takedown{})
	for _, c := range []struct {
		key, ask string
		status   int
		body     string
	}{
		{"onrecord.json", "", 200, "{}"}, {"log/head", "", 200, "{head}"}, {"log/checkpoint", "", 200, "note"},
		{"log/tile/0/x001/000.p/3", "", 200, "tile"}, {"log/tile/entries/000", "", 200, "bundle"}, {segmentKey, "", 200, "segment"},
		{captureKey, "bytes=0-3", 206, "0123"}, {captureKey, "bytes=28-", 206, "89"}, {captureKey, "bytes=-1", 206, "9"}, {captureKey, "bytes=29-99", 206, "9"},
		{captureKey, "bytes=30-", 416, ""}, {captureKey, "bytes=1-2,4-5", 200, strings.Repeat("0123456789", 3)},
		{captureKey, "bytes=9-2", 200, strings.Repeat("0123456789", 3)}, {captureKey, "lines=1-2", 200, strings.Repeat("0123456789", 3)},
	} {
		w := get(t, h, "/record/"+c.key, "Range", c.ask)
		if w.Code != c.status || c.status < 300 && w.Body.String() != c.body {
			t.Errorf("%s %q: %d %q", c.key, c.ask, w.Code, w.Body)
		}
	}
	for _, key := range []string{"state/press.json", "views/catalog/9.db.zst", "secret", "", "captures", "log/../secret", "log/tile/0/999"} {
		if w := get(t, h, "/record/"+key); w.Code == http.StatusOK {
			t.Errorf("%s: %d %q", key, w.Code, w.Body)
		}
	}
}

func TestRecordHeaders(t *testing.T) {
	h := recordSite(t, onrecord.Takedown{})
	for key, cache := range map[string]string{"log/head": "no-store", "log/checkpoint": "no-store", "log/tile/entries/000": "public, max-age=31536000, immutable", captureKey: "no-cache"} {
		w := get(t, h, "/record/"+key)
		for name, want := range map[string]string{
			"Cache-Control": cache, "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*", "Content-Security-Policy": "sandbox; default-src 'none'", "Accept-Ranges": "bytes",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", key, name, got, want)
			}
		}
		if !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || w.Header().Get("Repr-Digest") == "" || w.Header().Get("ETag") == "" {
			t.Errorf("%s: %v", key, w.Header())
		}
		if again := get(t, h, "/record/"+key, "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s: asked again: %d", key, again.Code)
		}
		for ask, code := range map[string]int{w.Header().Get("ETag"): 200, "*": 200, `"other"`: 412} {
			if got := get(t, h, "/record/"+key, "If-Match", ask); got.Code != code || code == 412 && (got.Body.Len() > 0 || got.Header().Get("Repr-Digest") != "") {
				t.Errorf("%s if it is %s: %d, %v", key, ask, got.Code, got.Header())
			}
		}
		for _, ask := range []string{"", "bytes=0-1"} { // a range is asked for by GET alone
			head, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodHead, "/record/"+key, nil)
			r.Header.Set("Range", ask)
			h.ServeHTTP(head, r)
			if head.Code != http.StatusOK || head.Body.Len() > 0 || head.Header().Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
				t.Errorf("HEAD %s of %q: %d, %d bytes, %v", key, ask, head.Code, head.Body.Len(), head.Header())
			}
		}
	}
}

// TestRecordWithholds serves what lies around withheld bytes, and none of them.
func TestRecordWithholds(t *testing.T) {
	for ground, status := range map[onrecord.Ground]int{onrecord.GroundPolicy: 410, onrecord.GroundLaw: 451} {
		h := recordSite(t, onrecord.Takedown{Case: "T-1", Ground: ground, Reason: "personal data"})
		for _, c := range []struct {
			key, ask string
			status   int
		}{
			{captureKey, "", status}, {captureKey, "bytes=0-9", 206}, {captureKey, "bytes=0-10", status}, {captureKey, "bytes=19-19", status}, {captureKey, "bytes=20-", 206},
			{captureKey, "bytes=-5", 206}, {captureKey, "bytes=-11", status}, {captureKey, "bytes=0-1,25-26", status}, {captureKey, "nonsense", status},
			{segmentKey, "", status}, {segmentKey, "bytes=0-0", status}, {"log/tile/entries/000", "", 200},
		} {
			w := get(t, h, "/record/"+c.key, "Range", c.ask)
			if w.Code != c.status {
				t.Errorf("%s %q: status %d, want %d", c.key, c.ask, w.Code, c.status)
			}
			if w.Code != status {
				continue
			}
			var p object
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if p["case"] != "T-1" || p["size"] == nil || strings.Contains(w.Body.String(), "0123") || w.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %s, %v", c.key, w.Body, w.Header())
			}
			if spans := fmt.Sprint(p["spans"]); c.key == captureKey && spans != "[map[length:10 offset:10]]" || c.key == segmentKey && spans != "[map[length:7 offset:0]]" {
				t.Errorf("%s: spans %s", c.key, spans)
			}
		}
	}
}

// TestRecordTags: the tag of evidence changes with its bytes, though an erasure
// keeps their number, and there is none of what is not read before it is sent.
func TestRecordTags(t *testing.T) {
	tagOf := func(body string) string {
		h := siteOf(t, build(), func(o *web.Options) { o.Record = objects{m: map[string]string{captureKey: body}} })
		w := get(t, h, "/record/"+captureKey, "If-None-Match", "*")
		if large := len(body) > 256<<10; large != (w.Code == http.StatusOK) {
			t.Errorf("%d bytes: %d", len(body), w.Code)
		}
		return w.Header().Get("ETag")
	}
	if before, after := tagOf("what was said"), tagOf("XXXX XXX XXXX"); before == "" || before == after {
		t.Errorf("%s before, %s after", before, after)
	}
	if tag := tagOf(strings.Repeat("x", 300<<10)); tag != "" {
		t.Errorf("the tag %s names bytes that were not read", tag)
	}
}

// TestDownloadsKnowNoParameters: a parameter is never passed over in silence.
func TestDownloadsKnowNoParameters(t *testing.T) {
	h, _, at := mediaSite(t, map[string][]byte{"image/png": photo()})
	for _, path := range []string{at["image/png"] + ".png", at["image/png"] + "/thumb.jpg"} {
		if w := get(t, h, path+"?version=2"); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := get(t, recordSite(t, onrecord.Takedown{}), "/record/"+captureKey+"?from=3"); w.Code != http.StatusBadRequest {
		t.Errorf("record: %d", w.Code)
	}
	if w := get(t, site(t, build()), "/s/"+string(idDeleted)); strings.Contains(w.Header().Get("Cache-Control"), "stale") {
		t.Errorf("a cache may show it when this archive would not: %s", w.Header().Get("Cache-Control"))
	}
}
