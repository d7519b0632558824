// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"onrecord/archive/bucket"
	"onrecord/archive/bucket/mirror"
)

// site serves h and returns a mirror of it that does not wait between tries.
func site(t *testing.T, h http.HandlerFunc) *mirror.Bucket {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	b, err := mirror.Open(srv.URL+"/", mirror.Options{Client: srv.Client(), Sleep: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRangesAreThoseThatWereAskedFor(t *testing.T) {
	b := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/record/captures/a" {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("0123456789"))
	})
	for _, c := range []struct {
		off, n int64
		want   string
		err    error
	}{
		{0, -1, "0123456789", nil}, {0, 3, "012", nil}, {4, 2, "45", nil}, {7, -1, "789", nil}, {9, 1, "9", nil},
		{0, 0, "", nil}, {10, 0, "", nil}, {11, 0, "", bucket.ErrRange}, {11, 1, "", bucket.ErrRange}, {8, 5, "", bucket.ErrRange}, {-1, 2, "", bucket.ErrRange},
	} {
		o, err := b.Open(t.Context(), "captures/a", c.off, c.n)
		if !errors.Is(err, c.err) || err != nil {
			if !errors.Is(err, c.err) || c.err == nil {
				t.Errorf("%d from %d: %v, want %v", c.n, c.off, err, c.err)
			}
			continue
		}
		got, err := io.ReadAll(o)
		if err != nil || string(got) != c.want || o.Size != 10 {
			t.Errorf("%d from %d: %q of %d, %v", c.n, c.off, got, o.Size, err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := b.Load(t.Context(), "log/head"); !errors.Is(err, bucket.ErrNotExist) {
		t.Errorf("a register that is not there: %v", err)
	}
}

func TestNothingIsWrittenOrListed(t *testing.T) {
	b := site(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	if err := b.Create(t.Context(), "a", bucket.Bytes(nil)); !errors.Is(err, mirror.ErrReadOnly) {
		t.Error(err)
	}
	if _, err := b.Swap(t.Context(), "a", bucket.Absent(), nil); !errors.Is(err, mirror.ErrReadOnly) {
		t.Error(err)
	}
	for _, err := range b.List(t.Context(), "", "") {
		if !errors.Is(err, mirror.ErrNoList) {
			t.Error(err)
		}
	}
	if _, err := b.Open(t.Context(), "../etc/passwd", 0, -1); !errors.Is(err, bucket.ErrKey) {
		t.Error(err)
	}
}

// TestServersThatLie answers with what nobody asked for.
func TestServersThatLie(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"all of it in place of a range": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "0123456789") },
		"another range": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 2-4/10")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "234")
		},
		"a range of nonsense": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes -9223372036854775808-3/0")
			w.WriteHeader(http.StatusPartialContent)
		},
		"too little": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 1-3/10")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprint(w, "1")
		},
		"an address inside": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		},
		"an error for ever": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"gone without a case": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusGone)
			_, _ = w.Write(bytes.Repeat([]byte("["), 1<<20))
		},
	} {
		b := site(t, h)
		o, err := b.Open(t.Context(), "a", 1, 3)
		if err == nil {
			_, err = io.ReadAll(o)
			o.Close()
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if w, ok := errors.AsType[*bucket.WithheldError](err); ok {
			t.Errorf("%s: %v", name, w)
		}
	}
}

func TestTooManyBytesAreNotRead(t *testing.T) {
	b := site(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "9000000")
		_, _ = w.Write(make([]byte, 9000000))
	})
	if _, _, err := b.Load(t.Context(), "log/head"); !errors.Is(err, bucket.ErrTooLarge) {
		t.Errorf("a register of 9 MB: %v", err)
	}
}

func TestWithheld(t *testing.T) {
	b := site(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnavailableForLegalReasons)
		fmt.Fprint(w, `{"case":"T-2026-014","size":100,"spans":[{"offset":10,"length":20}]}`)
	})
	_, err := b.Open(t.Context(), "captures/a", 0, -1)
	w, ok := errors.AsType[*bucket.WithheldError](err)
	if !ok || w.Case != "T-2026-014" || w.Size != 100 || len(w.Spans) != 1 || w.Spans[0] != (bucket.Span{Offset: 10, Length: 20}) {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestServerThatIsBusyIsAskedAgain(t *testing.T) {
	n := 0
	b := site(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n < 3 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		fmt.Fprint(w, "x")
	})
	if got, _, err := b.Load(t.Context(), "log/head"); err != nil || string(got) != "x" || n != 3 {
		t.Errorf("%q after %d requests, %v", got, n, err)
	}
}

// A trickle is a body of size bytes that brings one each second.
type trickle struct{ size int64 }

func (tr trickle) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, ContentLength: tr.size, Header: http.Header{}, Request: r, Body: &drops{ctx: r.Context(), left: tr.size}}, nil
}

type drops struct {
	ctx  context.Context
	left int64
}

func (d *drops) Close() error { return nil }
func (d *drops) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	select {
	case <-time.After(time.Second):
		d.left--
		p[0] = 'x'
		return 1, nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

// TestTrickleEnds: a byte each second is no answer.
func TestTrickleEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := mirror.Open("https://archive.example", mirror.Options{Client: &http.Client{Transport: trickle{1 << 20}}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		o, err := b.Open(t.Context(), "captures/a", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, o)
		if err == nil || !strings.Contains(err.Error(), "a second") || time.Since(began) > 3*time.Minute {
			t.Errorf("%d bytes in %s, %v", n, time.Since(began), err)
		}
		_ = o.Close()
		if b, err = mirror.Open("https://archive.example", mirror.Options{Client: &http.Client{Transport: trickle{25}}}); err != nil {
			t.Fatal(err)
		}
		if got, _, err := b.Load(t.Context(), "log/head"); err != nil || len(got) != 25 {
			t.Errorf("a small answer: %q, %v", got, err)
		}
	})
}

// TestBrokenAnswersGoOn: an answer that breaks off is read on from where it was, as
// long as that brings something and it is the same object.
func TestBrokenAnswersGoOn(t *testing.T) {
	text := strings.Repeat("0123456789", 400_000)
	for name, c := range map[string]struct {
		part, size int
		ok         bool
	}{
		"from time to time":    {1_500_000, len(text), true},
		"after each byte":      {1, len(text), false},
		"as another object":    {1_500_000, len(text) + 1, false},
		"before its last byte": {len(text) - 1, len(text), true},
	} {
		requests := 0
		b := site(t, func(w http.ResponseWriter, r *http.Request) {
			from := 0
			if requests++; requests > 1 {
				_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(text)-1, c.size))
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(text)-from))
			if requests > 1 {
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = io.WriteString(w, text[from:min(from+c.part, len(text))])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		o, err := b.Open(t.Context(), "captures/a", 0, -1)
		if err != nil {
			if c.ok {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		got, err := io.ReadAll(o)
		if (err == nil) != c.ok || c.ok && string(got) != text || requests > 10 {
			t.Errorf("%s: %d bytes after %d requests, %v", name, len(got), requests, err)
		}
		_ = o.Close()
	}
}

// TestHostileWithheld: cases that are none, and thousands of holes.
func TestHostileWithheld(t *testing.T) {
	answer := ""
	b := site(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnavailableForLegalReasons)
		fmt.Fprint(w, answer)
	})
	for _, number := range []string{`T\u001b]0;owned\u0007`, `T\nno mismatches`, strings.Repeat("T", 300), ` `} {
		answer = `{"case":"` + number + `","size":100,"spans":[{"offset":10,"length":20}]}`
		_, err := b.Open(t.Context(), "captures/a", 0, -1)
		if w, ok := errors.AsType[*bucket.WithheldError](err); ok || err == nil || strings.ContainsAny(err.Error(), "\x1b\n\a") {
			t.Errorf("%s: %+v, %q", number, w, err)
		}
	}
	var holes strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&holes, `,{"offset":%d,"length":1}`, 10+2*i)
	}
	answer = `{"case":"T-1","size":100000,"spans":[{"offset":1,"length":2}` + holes.String() + `,{"offset":50000,"length":9}]}`
	_, err := b.Open(t.Context(), "captures/a", 0, -1)
	w, ok := errors.AsType[*bucket.WithheldError](err)
	if !ok || len(w.Spans) > 102 || w.Spans[0] != (bucket.Span{Offset: 1, Length: 2}) || w.Spans[len(w.Spans)-1] != (bucket.Span{Offset: 50000, Length: 9}) {
		t.Errorf("%d spans, %v", len(w.Spans), err)
	}
}

// TestWithheldLines: holes of a journal segment stay apart, because each is a line.
// What is no evidence is never withheld: it is not there.
func TestWithheldLines(t *testing.T) {
	var holes []string
	for i := range 4096 {
		holes = append(holes, fmt.Sprintf(`{"offset":%d,"length":100}`, 8_000_000+200*i))
	}
	answer := `{"case":"T-1","title":"withheld","size":8388608,"spans":[` + strings.Join(holes[:1900], ",") + `]}`
	b := site(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusGone)
		fmt.Fprint(w, answer)
	})
	_, err := b.Open(t.Context(), "journal/a", 0, -1)
	if w, ok := errors.AsType[*bucket.WithheldError](err); !ok || len(w.Spans) != 1900 {
		t.Errorf("a segment with 1,900 lines that are withheld: %d spans, %v", len(w.Spans), err)
	}
	for _, key := range []string{"onrecord.json", "log/checkpoint", "log/tile/0/000"} {
		_, err := b.Open(t.Context(), key, 0, -1)
		if _, ok := errors.AsType[*bucket.WithheldError](err); ok || !errors.Is(err, bucket.ErrNotExist) {
			t.Errorf("%s is withheld: %v", key, err)
		}
	}
}

// TestStatusIsQuoted: what a server calls its answer goes to a terminal.
func TestStatusIsQuoted(t *testing.T) {
	b, err := mirror.Open("https://archive.example", mirror.Options{Client: &http.Client{Transport: named("418 \x1b]0;owned\x07")}, Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = b.Open(t.Context(), "log/head", 0, -1); err == nil || strings.ContainsAny(err.Error(), "\x1b\x07") {
		t.Errorf("%q", err)
	}
}

// named answers with a status of this name.
type named string

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 418, Status: string(n), Header: http.Header{}, Request: r, Body: http.NoBody}, nil
}

// A silent transport never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestSilenceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := mirror.Open("https://archive.example", mirror.Options{Client: &http.Client{Transport: silent{}}, Tries: 2})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := b.Open(t.Context(), "log/head", 0, -1); err == nil || time.Since(began) > 2*time.Minute {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

func TestAddresses(t *testing.T) {
	for site, ok := range map[string]bool{
		"https://archive.example": true, "http://127.0.0.1:8080/": true, "https://archive.example/sub": true,
		"ftp://archive.example": false, "archive.example": false, "https://u:p@archive.example": false, "https://archive.example/?q": false, "": false,
	} {
		if _, err := mirror.Open(site, mirror.Options{Client: http.DefaultClient}); (err == nil) != ok {
			t.Errorf("%q: %v", site, err)
		}
	}
}
