// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"onrecord"
	"onrecord/crawler"
)

// coders make the content codings that decode.go removes.
var coders = map[string]func(io.Writer) io.WriteCloser{
	"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"x-gzip":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 4) },
	"zstd": func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err != nil {
			panic(err)
		}
		return z
	},
	// Not by the book, but sent.
	"raw deflate": func(w io.Writer) io.WriteCloser {
		z, err := flate.NewWriter(w, 5)
		if err != nil {
			panic(err)
		}
		return z
	},
}

func encode(t testing.TB, b []byte, codings ...string) []byte {
	for _, c := range codings {
		var out bytes.Buffer
		w := coders[c](&out)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b = out.Bytes()
	}
	return b
}

func TestContentCodings(t *testing.T) {
	plain := []byte(`{"account":"42","ids":["1","2"]}` + strings.Repeat(" ", 3000))
	for _, codings := range [][]string{nil, {"gzip"}, {"x-gzip"}, {"deflate"}, {"raw deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"br", "gzip"}} {
		name := strings.Join(codings, ", ")
		t.Run(name, func(t *testing.T) {
			sent := encode(t, plain, codings...)
			s := newSite(t, map[string]any{"/page": func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); got != "gzip, deflate, br, zstd" {
					t.Errorf("Accept-Encoding %q", got)
				}
				w.Header().Set("Content-Encoding", strings.ReplaceAll(name, "raw ", ""))
				_, _ = w.Write(sent)
			}})
			r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
			if d := cmp.Diff([]string{"1", "2"}, ids(r)); d != "" {
				t.Errorf("%s: %v: items (-want +got):\n%s", r.Outcome, r.Problems, d)
			}
			if !bytes.Equal(rec.entries[1].Exchange.Payload, sent) {
				t.Error("the payload is not recorded as sent")
			}
		})
	}
}

func TestBrokenCodings(t *testing.T) {
	good := encode(t, bytes.Repeat([]byte("a statement "), 1000), "gzip")
	for name, tc := range map[string]struct {
		encoding string
		body     []byte
		want     onrecord.Outcome
	}{
		"cut short":        {"gzip", good[:len(good)-9], onrecord.OutcomeTruncated},
		"wrong checksum":   {"gzip", append(bytes.Clone(good[:len(good)-8]), 0, 1, 2, 3, 4, 5, 6, 7), onrecord.OutcomeTruncated},
		"not gzip":         {"gzip", []byte("plain text"), onrecord.OutcomeTruncated},
		"not brotli":       {"br", bytes.Repeat([]byte{0xff}, 40), onrecord.OutcomeTruncated},
		"not zstd":         {"zstd", []byte("plain text"), onrecord.OutcomeTruncated},
		"unknown":          {"compress", []byte("plain text"), onrecord.OutcomeDrift},
		"three codings":    {"gzip, gzip, gzip", good, onrecord.OutcomeDrift},
		"trailing garbage": {"gzip", append(bytes.Clone(good), "<!-- x -->"...), onrecord.OutcomeTruncated},
		"empty":            {"gzip", nil, ""},
	} {
		wire, decoded, _, verdict, err := crawler.ReadBody(bytes.NewReader(tc.body), tc.encoding, crawler.Limits{})
		if err != nil || verdict != tc.want || !bytes.Equal(wire, tc.body) {
			t.Errorf("%s: verdict %q, %d of %d bytes kept, %v", name, verdict, len(wire), len(tc.body), err)
		}
		if verdict != "" && decoded != nil {
			t.Errorf("%s: %d bytes for a parser", name, len(decoded))
		}
	}
}

// Cut anywhere, a coded payload is never taken for a whole one.
func TestCodingsCutAnywhere(t *testing.T) {
	plain := []byte(strings.Repeat("The Ministry of Examples has said nothing. ", 40))
	for name := range coders {
		sent := encode(t, plain, name)
		for n := 1; n < len(sent); n++ {
			_, decoded, _, verdict, err := crawler.ReadBody(bytes.NewReader(sent[:n]), strings.TrimPrefix(name, "raw "), crawler.Limits{})
			if err != nil || verdict != onrecord.OutcomeTruncated || decoded != nil {
				t.Errorf("%s: %d of %d bytes: verdict %q, %d decoded, %v", name, n, len(sent), verdict, len(decoded), err)
			}
		}
	}
}

// zeros is a reader of n zero bytes.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), z.n)]
	clear(p)
	z.n -= int64(len(p))
	return len(p), nil
}

// bomb streams size zero bytes, coded.
func bomb(t *testing.T, size int64, codings ...string) io.Reader {
	var r io.Reader = &zeros{size}
	for _, c := range codings {
		pr, pw := io.Pipe()
		src := r
		go func() {
			w := coders[c](pw)
			_, err := io.Copy(w, src)
			pw.CloseWithError(errors.Join(err, w.Close()))
		}()
		t.Cleanup(func() { _ = pr.Close() })
		r = pr
	}
	return r
}

// Ten gibibytes of each kind are received as far as the limits go and no
// further, in little memory.
func TestBombs(t *testing.T) {
	for _, codings := range [][]string{nil, {"gzip"}, {"deflate"}, {"raw deflate"}, {"br"}, {"zstd"}, {"gzip", "gzip"}, {"zstd", "br"}} {
		name, size := strings.Join(codings, ", "), int64(10<<30)
		if len(codings) > 1 {
			size = 1 << 30 // all of it is coded before the outer coding says anything
		}
		t.Run(orName(name), func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			src := &counting{r: bomb(t, size, codings...)}
			wire, decoded, cut, verdict, err := crawler.ReadBody(src, strings.ReplaceAll(name, "raw ", ""), crawler.Limits{})
			runtime.ReadMemStats(&after)
			if cut != "length" || verdict != onrecord.OutcomeTruncated || err != nil || decoded != nil {
				t.Errorf("cut %q, verdict %q, %v", cut, verdict, err)
			}
			if len(wire) > 16<<20 || src.n > 16<<20+1<<16 {
				t.Errorf("%d bytes received, %d kept", src.n, len(wire))
			}
			if total := (after.TotalAlloc - before.TotalAlloc) >> 20; total > 256 {
				t.Errorf("%d MiB allocated", total)
			}
		})
	}
}

func orName(s string) string {
	if s == "" {
		return "identity"
	}
	return s
}

type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// A bomb over the network ends its own visit's page, and the next is read.
func TestVisitAfterABomb(t *testing.T) {
	s := newSite(t, map[string]any{
		"/page": listing{Account: "42", Follow: []string{"/bomb", "/after"}},
		"/bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.Copy(w, bomb(t, 10<<30, "gzip"))
		},
		"/after": listing{IDs: []string{"after"}},
	})
	r, rec := visit(t, newClient(t, newClock()), crawler.Job{Door: jsonDoor{base: s.URL}, Target: crawler.Target{AccountID: "42"}})
	x := rec.entries[2].Exchange
	if x.Truncated != "length" || r.Seen[1].Outcome != onrecord.OutcomeTruncated || !strings.Contains(string(x.Note), "ratio") || len(x.Payload) > 1<<20 {
		t.Errorf("truncated %q, %d bytes, %+v", x.Truncated, len(x.Payload), r.Seen[1])
	}
	if d := cmp.Diff([]string{"after"}, ids(r)); d != "" {
		t.Errorf("items (-want +got):\n%s", d)
	}
}

func TestRatioLimitSparesHonestText(t *testing.T) {
	// 4 MiB of HTML that compresses 40:1, and noise that does not at all.
	row := []byte(`<tr class="statement"><td><a href="/statements/000">A statement of the Ministry of Examples</a></td></tr>` + "\n")
	noise := make([]byte, 2<<20)
	_, _ = rand.Read(noise)
	var page []byte
	for i := 0; len(page) < 4<<20; i++ {
		page = fmt.Appendf(page, "%d %x ", i, noise[i%1000:i%1000+2])
		page = append(page, row...)
	}
	for _, b := range [][]byte{page, noise} {
		for _, c := range []string{"gzip", "br", "zstd", "deflate"} {
			_, decoded, cut, verdict, err := crawler.ReadBody(bytes.NewReader(encode(t, b, c)), c, crawler.Limits{})
			if err != nil || cut != "" || verdict != "" || !bytes.Equal(decoded, b) {
				t.Errorf("%s of %d bytes: cut %q, verdict %q, %v", c, len(b), cut, verdict, err)
			}
		}
	}
}

// A stalling is a raw server in a synctest bubble: it answers each connection
// with what serve writes.
func stalling(t *testing.T, serve func(net.Conn)) (*crawler.Client, func()) {
	return bubbleClient(t, func(c net.Conn) {
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if bytes.HasPrefix(buf[:n], []byte("GET /robots.txt ")) {
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			return
		}
		serve(c)
	})
}

// bubbleClient returns a client on the bubble's clock, whose every connection
// is a pipe to serve, and what ends it.
func bubbleClient(t *testing.T, serve func(net.Conn)) (*crawler.Client, func()) {
	var servers sync.WaitGroup
	c, err := crawler.NewClient(crawler.Options{Now: time.Now, Allow: loopback})
	if err != nil {
		t.Fatal(err)
	}
	crawler.Pipe(c, func() net.Conn {
		near, far := net.Pipe()
		servers.Go(func() {
			defer far.Close()
			serve(far)
		})
		return near
	})
	return c, func() {
		c.Close()
		servers.Wait()
	}
}

func TestSlowAndEndlessAnswers(t *testing.T) {
	drip := func(c net.Conn, b string, every time.Duration) {
		for {
			if _, err := io.WriteString(c, b); err != nil {
				return
			}
			time.Sleep(every)
		}
	}
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	for name, tc := range map[string]struct {
		serve   func(net.Conn)
		want    onrecord.Outcome
		cut     string
		failure string
		within  time.Duration
	}{
		"no answer": {func(c net.Conn) { drip(c, "", time.Hour) }, onrecord.OutcomeOutage, "", "timeout", 2 * time.Minute},
		"a byte every ten seconds": {func(c net.Conn) { _, _ = io.WriteString(c, head+"\r\n"); drip(c, "1", 10*time.Second) },
			onrecord.OutcomeTruncated, "time", "", 20 * time.Second},
		"steady but endless": {func(c net.Conn) {
			_, _ = io.WriteString(c, head+"\r\n")
			drip(c, strings.Repeat("1", 2048), time.Second)
		}, onrecord.OutcomeTruncated, "time", "", 2 * time.Minute},
		"fast and endless":   {func(c net.Conn) { _, _ = io.WriteString(c, head+"\r\n"); drip(c, strings.Repeat("1", 1<<20), 0) }, onrecord.OutcomeTruncated, "length", "", time.Minute},
		"endless head":       {func(c net.Conn) { _, _ = io.WriteString(c, head); drip(c, "X-A: b\r\n", 0) }, onrecord.OutcomeTruncated, "", "head", time.Minute},
		"endless slow head":  {func(c net.Conn) { _, _ = io.WriteString(c, head); drip(c, "X-A: b\r\n", time.Second) }, onrecord.OutcomeOutage, "", "timeout", 2 * time.Minute},
		"endless 103":        {func(c net.Conn) { drip(c, "HTTP/1.1 103 Early Hints\r\n\r\n", 0) }, onrecord.OutcomeTruncated, "", "head", time.Minute},
		"shorter than said":  {func(c net.Conn) { _, _ = io.WriteString(c, head+"Content-Length: 100\r\n\r\n{}") }, onrecord.OutcomeTruncated, "disconnect", "", time.Minute},
		"broken chunks":      {func(c net.Conn) { _, _ = io.WriteString(c, head+"Transfer-Encoding: chunked\r\n\r\n5\r\nab") }, onrecord.OutcomeTruncated, "disconnect", "", time.Minute},
		"hangs up":           {func(net.Conn) {}, onrecord.OutcomeOutage, "", "disconnect", time.Minute},
		"speaks no HTTP":     {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.2\r\n") }, onrecord.OutcomeOutage, "", "disconnect", time.Minute},
		"whole, for control": {func(c net.Conn) { _, _ = io.WriteString(c, head+"Content-Length: 2\r\n\r\n{}") }, onrecord.OutcomeOK, "", "", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, end := stalling(t, tc.serve)
				defer end()
				start := time.Now()
				r, rec := visit(t, c, crawler.Job{Door: jsonDoor{base: "http://slow.example"}, Target: crawler.Target{AccountID: "42"}})
				x := rec.entries[len(rec.entries)-1].Exchange
				if r.Outcome != tc.want || x.Truncated != tc.cut || !strings.HasPrefix(x.Failure, tc.failure) || (x.Failure == "") != (x.Status != 0) {
					t.Errorf("outcome %s, truncated %q, failure %q, %v", r.Outcome, x.Truncated, x.Failure, r.Problems)
				}
				if took := time.Since(start); took > tc.within+2*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// A slow host takes its own turns, and nobody else's.
func TestSlowHostsDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, end := stalling(t, func(net.Conn) { time.Sleep(time.Hour) })
		defer end()
		start := time.Now()
		done := make(chan time.Duration, 500)
		for i := range 500 {
			go func() {
				_, _ = c.Visit(t.Context(), crawler.Job{Recorder: &tape{}, Target: crawler.Target{AccountID: "42"},
					Door: jsonDoor{base: fmt.Sprintf("http://h%d.example", i)}})
				done <- time.Since(start)
			}()
		}
		for range 500 {
			if d := <-done; d > 2*time.Minute+5*time.Second {
				t.Errorf("took %s", d)
			}
		}
	})
}

func FuzzReadBody(f *testing.F) {
	for name := range coders {
		f.Add(encode(f, []byte(strings.Repeat("a statement ", 50)), name), strings.TrimPrefix(name, "raw "))
	}
	f.Add(encode(f, make([]byte, 1<<16), "gzip", "zstd"), "gzip, zstd")
	f.Fuzz(func(t *testing.T, b []byte, encoding string) {
		l := crawler.Limits{Wire: 1 << 12, Decoded: 1 << 14}
		wire, decoded, cut, verdict, err := crawler.ReadBody(bytes.NewReader(b), encoding, l)
		if err != nil || len(wire) > 1<<12 || len(decoded) > 1<<14 || !bytes.HasPrefix(b, wire) {
			t.Errorf("%d bytes on the wire, %d decoded, %v", len(wire), len(decoded), err)
		}
		if cut == "" && len(wire) != len(b) || cut != "" && verdict == "" || verdict != "" && decoded != nil {
			t.Errorf("cut %q, verdict %q, %d of %d bytes, %d decoded", cut, verdict, len(wire), len(b), len(decoded))
		}
	})
}
