// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxServed is how many requests a platform remembers at most; Count counts
// them all.
const maxServed = 10_000

// A Served is one request and what it was answered.
type Served struct {
	Method string
	Path   string // with query
	Host   string
	Header http.Header
	Status int // 0 where the connection was reset
}

// A Platform is an http.Handler that plays a script. It is safe for concurrent
// use.
type Platform struct {
	routes map[string]*route

	mu     sync.Mutex
	scene  int
	taken  map[string]int // answers taken in the present scene, by route
	counts map[string]int // requests, by "METHOD path" without query
	total  int
	served []Served
}

// New returns a platform that plays script, in scene 0. A script in another
// format is ErrScript, with the file and the line.
func New(script []byte) (*Platform, error) {
	routes, err := parse(script)
	if err != nil {
		return nil, fmt.Errorf("fake: %w", err)
	}
	return &Platform{routes: routes, taken: map[string]int{}, counts: map[string]int{}}, nil
}

// SetScene sets the scene; sequences that begin with it start over.
func (p *Platform) SetScene(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, r := range p.routes {
		if i, _ := r.span(p.scene); i != first(r.span(n)) {
			delete(p.taken, name)
		}
	}
	p.scene = n
}

func first(a, _ int) int { return a }

// Count returns how often a request was made, such as "GET /feed.xml"; the
// query does not count.
func (p *Platform) Count(request string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[request]
}

// Total returns how many requests were made.
func (p *Platform) Total() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// Served returns the last requests, 5,000 at least, oldest first.
func (p *Platform) Served() []Served {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.served)
}

// Serve answers on l until ctx is done; it closes l. It returns nil when ctx
// ended it.
func (p *Platform) Serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("fake: serve %s: %w", l.Addr(), err)
	}
	return nil
}

// ServeHTTP answers by the script.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := p.take(r)
	if !ok {
		p.note(r, http.StatusNotFound)
		http.Error(w, "not in the script", http.StatusNotFound)
		return
	}
	if a.delay > 0 {
		timer := time.NewTimer(a.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
	}
	if a.reset {
		p.note(r, 0)
		reset(w)
	}
	body := a.prepare(r)
	for name, values := range a.header {
		for _, v := range values {
			w.Header().Add(name, fill(v, r))
		}
	}
	if a.conditional && w.Header().Get("Etag") == "" {
		sum := sha256.Sum256(body)
		w.Header().Set("Etag", fmt.Sprintf(`"%x"`, sum[:8]))
	}
	if a.status == http.StatusOK && notModified(r.Header, w.Header()) {
		w.Header().Del("Content-Type")
		p.note(r, http.StatusNotModified)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	p.note(r, a.status)
	a.send(w, r, body)
}

// prepare returns the body, filled in and compressed.
func (a answer) prepare(r *http.Request) []byte {
	body := bytes.Repeat([]byte(fill(a.body, r)), a.repeat)
	if !a.gzip {
		return body
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body) // a buffer takes everything
	z.Close()
	return b.Bytes()
}

func (a answer) send(w http.ResponseWriter, r *http.Request, body []byte) {
	if a.gzip {
		w.Header().Set("Content-Encoding", "gzip")
	}
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified && w.Header().Get("Content-Length") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead {
		return
	}
	if a.cut >= 0 && a.cut < len(body) {
		w.Write(body[:a.cut]) // the client may be gone: that is its business
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(body)
}

func fill(s string, r *http.Request) string {
	if !strings.Contains(s, "{{") {
		return s
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return strings.NewReplacer("{{base}}", scheme+r.Host, "{{host}}", r.Host).Replace(s)
}

// reset ends the connection with a reset where the connection can, else
// without an answer. It does not return.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if over, ok := conn.(*tls.Conn); ok {
			conn = over.NetConn()
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// notModified reports whether the request's conditions hold (RFC 9110, 13.1).
func notModified(request, answer http.Header) bool {
	if given := request.Get("If-None-Match"); given != "" {
		etag := strings.TrimPrefix(answer.Get("Etag"), "W/")
		for tag := range strings.SplitSeq(given, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if etag != "" && (tag == etag || tag == "*") {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(request.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(answer.Get("Last-Modified"))
	return err == nil && !modified.After(since)
}

// take returns the next answer to r.
func (p *Platform) take(r *http.Request) (answer, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	best, name := (*route)(nil), ""
	for n, c := range p.routes {
		if c.matches(r) && (best == nil || c.closer(best)) {
			if i, j := c.span(p.scene); i < j {
				best, name = c, n
			}
		}
	}
	if best == nil {
		return answer{}, false
	}
	i, j := best.span(p.scene)
	a := best.answers[min(i+p.taken[name], j-1)]
	p.taken[name]++
	return a, true
}

func (p *Platform) note(r *http.Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total++
	p.counts[r.Method+" "+r.URL.EscapedPath()]++
	if len(p.served) == maxServed {
		p.served = slices.Delete(p.served, 0, maxServed/2)
	}
	p.served = append(p.served, Served{Method: r.Method, Path: r.URL.RequestURI(), Host: r.Host, Header: r.Header.Clone(), Status: status})
}

// matches reports whether r is a request for c.
func (c *route) matches(r *http.Request) bool {
	if r.Method != c.method && (r.Method != http.MethodHead || c.method != http.MethodGet) {
		return false
	}
	path := r.URL.EscapedPath()
	switch {
	case c.prefix:
		return strings.HasPrefix(path, c.path)
	case c.hasQuery:
		return path == c.path && r.URL.RawQuery == c.query
	}
	return path == c.path
}

// closer reports whether c describes a request more closely than o: with a
// query before without, whole before a pattern, long before short. HEAD of its
// own goes before GET.
func (c *route) closer(o *route) bool {
	switch {
	case c.hasQuery != o.hasQuery:
		return c.hasQuery
	case c.prefix != o.prefix:
		return o.prefix
	case len(c.path) != len(o.path):
		return len(c.path) > len(o.path)
	}
	return c.method == http.MethodHead
}

// span returns the answers [i, j) of the sequence in force at a scene; none
// before the first.
func (c *route) span(scene int) (i, j int) {
	for j < len(c.answers) && c.answers[j].scene <= scene {
		if c.answers[j].scene != c.answers[i].scene {
			i = j
		}
		j++
	}
	return i, j
}
