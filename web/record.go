// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"onrecord"
)

// A Record reads the objects of the archive as they are stored, for strangers
// who verify it from outside.
type Record interface {
	// Object opens n bytes of an object from off; n < 0 reads to the end. What is
	// not there is onrecord.ErrNotFound.
	Object(ctx context.Context, key string, off, n int64) (RecordObject, error)
	// Hidden returns the parts of an object that are not to be served, by offset,
	// and the decision about one of them. A length below 0 is the rest of the
	// object.
	Hidden(ctx context.Context, key string) ([]onrecord.Span, onrecord.Takedown, error)
}

// A RecordObject is an open range of an object.
type RecordObject struct {
	io.ReadCloser
	Size int64 // of the whole object, in bytes
}

// recordKey is the form of the keys that are public: what a stranger finds
// through the ledger. The states of the sources are the archive's own; the
// snapshots of its catalog hold what is withheld.
var recordKey = regexp.MustCompile(`^(onrecord\.json` +
	`|(captures/\d{4}/\d\d/\d\d/[0-9a-z]{26}\.warc\.gz|media/\d{4}/\d\d/\d\d/[0-9a-z]{26}\.warc|journal/\d{4}/\d\d/\d\d/[0-9a-z]{26}\.ndjson\.zst)` +
	`|(log/head|log/checkpoint)|log/keys/\d{1,6}|log/tile/(?:entries|\d{1,2})/(?:x\d{3}/){0,6}\d{3}(?:\.p/\d{1,3})?)$`)

// wholeUpTo is the size up to which an object is read before it is sent, so that
// it carries its digest.
const wholeUpTo = 256 << 10

// recordRoutes serves the objects of the archive.
func (s *server) recordRoutes(mux *http.ServeMux) {
	if s.Record != nil {
		mux.Handle("GET /record/{key...}", cors(http.HandlerFunc(s.recordDownload)))
		mux.Handle("OPTIONS /record/{key...}", cors(s.page(s.nothing)))
	}
}

func (s *server) recordDownload(w http.ResponseWriter, r *http.Request) {
	err := s.sendRecord(w, r)
	if err == nil {
		return
	}
	if p, ok := s.fail(r.Context(), err).(*problem); ok && r.Context().Err() == nil {
		s.sendProblem(w, r, p)
	}
}

// sendRecord serves one object, or a range of it.
func (s *server) sendRecord(w http.ResponseWriter, r *http.Request) error {
	key := r.PathValue("key")
	kind := recordKey.FindStringSubmatch(key)
	if kind == nil {
		return onrecord.ErrNotFound
	}
	evidence, register, want := kind[2] != "", kind[3] != "", byteRange{}
	if r.Method == http.MethodGet { // ranges are defined for no other (RFC 9110, 14.2)
		want = parseRange(r.Header)
	}
	if err := s.noParams(r); err != nil {
		return err
	}
	if evidence {
		if done, err := s.recordHidden(w, r, key, want); done || err != nil {
			return err
		}
	}
	o, err := s.Record.Object(r.Context(), key, 0, 0) // how long it is
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if err := o.Close(); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	head := w.Header()
	head.Set("Accept-Ranges", "bytes")
	from, n, ok := want.in(o.Size)
	if !ok {
		head.Set("Content-Range", fmt.Sprintf("bytes */%d", o.Size))
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return nil
	}
	if o, err = s.Record.Object(r.Context(), key, from, n); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	defer o.Close()
	body, tag, err := tagged(head, o, key, n, evidence, register)
	if err != nil {
		return err
	}
	describeRecord(head, key, tag, evidence, register)
	if !matches(r.Header["If-Match"], tag) {
		noBody(head)
		head.Set("Cache-Control", cacheNever)
		w.WriteHeader(http.StatusPreconditionFailed)
		return nil
	}
	if tag != "" && knows(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return s.copyRecord(w, r, key, body, want, from, n, o.Size)
}

// tagged returns what is sent of an object of which n bytes are asked for, and its
// tag, "" for none. What is small and whole is read, and gets its digest.
func tagged(head http.Header, o RecordObject, key string, n int64, evidence, register bool) (body io.Reader, tag string, err error) {
	// An erasure replaces bytes of evidence and keeps their number: only the bytes
	// themselves make its tag, and what is not read before it is sent has none.
	if !evidence {
		tag = tagOf([]byte(key + "\n" + strconv.FormatInt(o.Size, 10)))
	}
	if n != o.Size || n > wholeUpTo {
		return o, tag, nil
	}
	b, err := io.ReadAll(io.LimitReader(o, n+1))
	if err != nil || int64(len(b)) != n {
		return nil, "", fmt.Errorf("%s: %d of %d bytes: %w", key, len(b), n, errors.Join(err, io.ErrUnexpectedEOF))
	}
	sum := sha256.Sum256(b)
	head.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	if register || evidence {
		tag = tagOf(b)
	}
	return strings.NewReader(string(b)), tag, nil
}

// describeRecord says what an object is, and how long others may keep it.
func describeRecord(head http.Header, key, tag string, evidence, register bool) {
	head.Set("Content-Type", recordType(key))
	head.Set("Content-Disposition", `attachment; filename="`+strings.ReplaceAll(key, "/", "-")+`"`)
	head.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	head.Set("X-Robots-Tag", "noindex")
	switch {
	case register:
		head.Set("Cache-Control", cacheNever)
	case evidence: // it may be withheld or erased at any time
		head.Set("Cache-Control", cacheAsk)
	default:
		head.Set("Cache-Control", cacheForever)
	}
	if tag != "" {
		head.Set("ETag", "\""+tag+"\"")
	}
}

// copyRecord sends the bytes.
func (s *server) copyRecord(w http.ResponseWriter, r *http.Request, key string, body io.Reader, want byteRange, from, n, size int64) error {
	head := w.Header()
	head.Set("Content-Length", strconv.FormatInt(n, 10))
	if want.set {
		head.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, size))
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	out, in := pace(w), &faults{r: body}
	sent, err := io.CopyN(out, in, n)
	if err == nil {
		err = out.end()
	}
	if out.stop(); err == nil || r.Context().Err() != nil {
		return nil
	}
	// Some of it is sent: only a broken connection can say that it is not whole.
	if in.err != nil || errors.Is(err, io.EOF) { // EOF: it is shorter than it was
		s.Log.ErrorContext(r.Context(), "send object", "key", key, "sent", sent, "of", n, "err", cmp.Or(in.err, err))
	} else {
		s.Log.DebugContext(r.Context(), "a reader took an object too slowly, or left", "key", key, "sent", sent, "of", n, "err", err)
	}
	panic(http.ErrAbortHandler)
}

// A faults reader keeps what went wrong while it was read: that is ours, and what
// goes wrong with sending is the reader's.
type faults struct {
	r   io.Reader
	err error
}

func (f *faults) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// recordHidden answers requests for bytes that are withheld: with the case, and
// with the spans around which the rest can be read. done says that it has.
func (s *server) recordHidden(w http.ResponseWriter, r *http.Request, key string, want byteRange) (done bool, err error) {
	spans, down, err := s.Record.Hidden(r.Context(), key)
	if err != nil || len(spans) == 0 {
		return false, err
	}
	o, err := s.Record.Object(r.Context(), key, 0, 0)
	if err != nil {
		return false, fmt.Errorf("%s: %w", key, err)
	}
	if err := o.Close(); err != nil {
		return false, fmt.Errorf("%s: %w", key, err)
	}
	from, n, ok := want.in(o.Size)
	touched := false
	type place struct {
		Offset int64 `json:"offset"`
		Length int64 `json:"length"`
	}
	places := []place{}
	for _, h := range spans {
		at := min(max(h.Offset, 0), o.Size)
		end := at + h.Length
		if h.Length < 0 || end > o.Size {
			end = o.Size
		}
		if last := len(places) - 1; last >= 0 && at < places[last].Offset+places[last].Length { // they may overlap; lines beside each other stay apart
			places[last].Length = max(places[last].Length, end-places[last].Offset)
		} else {
			places = append(places, place{at, end - at})
		}
		touched = touched || from < end && at < from+n
	}
	if ok && !touched {
		return false, nil
	}
	p := s.problem(withheldName(onrecord.Decision{Takedown: down}), s.texts.f("detail.record"))
	p.Case, p.Category = plain(down.Case), plain(down.Reason)
	body, err := json.Marshal(struct {
		*problem
		Size  int64   `json:"size"`
		Spans []place `json:"spans"`
	}{p, o.Size, places})
	if err != nil {
		return false, fmt.Errorf("%s: %w", key, err)
	}
	reply{Status: p.Status, Type: problemJSON, Cache: cacheAsk, Link: s.link(p), Body: append(body, '\n')}.send(w, r)
	return true, nil
}

// recordType returns the media type of an object.
func recordType(key string) string {
	switch {
	case strings.HasPrefix(key, "captures/"), strings.HasPrefix(key, "media/"):
		return "application/warc"
	case strings.HasPrefix(key, "journal/"):
		return "application/zstd"
	case key == "onrecord.json", key == "log/head", strings.HasPrefix(key, "log/keys/"):
		return "application/json"
	case key == "log/checkpoint":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// A byteRange is the one range that a request asks for.
type byteRange struct {
	set         bool
	first, last int64 // inclusive; -1 where it is not given
}

// parseRange reads the header Range. What is not one range of bytes is passed
// over, as RFC 9110, 14.2 allows, and so is one that hangs on a condition.
func parseRange(h http.Header) byteRange {
	spec, ok := strings.CutPrefix(h.Get("Range"), "bytes=")
	a, b, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash || strings.Contains(spec, ",") || h.Get("If-Range") != "" {
		return byteRange{}
	}
	r := byteRange{set: true, first: -1, last: -1}
	for _, part := range []struct {
		text string
		to   *int64
	}{{a, &r.first}, {b, &r.last}} {
		if part.text == "" {
			continue
		}
		n, err := strconv.ParseInt(part.text, 10, 64)
		if err != nil || n < 0 || part.text[0] == '+' {
			return byteRange{}
		}
		*part.to = n
	}
	if r.first < 0 && r.last < 0 || r.first >= 0 && r.last >= 0 && r.last < r.first {
		return byteRange{}
	}
	return r
}

// in returns the range in an object of size bytes; ok is false where it lies
// outside.
func (r byteRange) in(size int64) (from, n int64, ok bool) {
	switch {
	case !r.set:
		return 0, size, true
	case r.first < 0: // the last bytes
		n = min(r.last, size)
		return size - n, n, n > 0
	case r.first >= size:
		return 0, 0, false
	case r.last < 0 || r.last >= size:
		return r.first, size - r.first, true
	}
	return r.first, r.last - r.first + 1, true
}
