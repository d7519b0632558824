// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"

	"onrecord"
)

// level is where klauspost's gzip is as small as the standard library's level
// 6 at twice to five times its speed (performance.md, "WARC writing").
const level = 5

// recordEnd stands behind each block.
var recordEnd = []byte("\r\n\r\n")

// keepBuffer is the largest buffer that a Writer holds between two exchanges.
const keepBuffer = 4 << 20

// WriterOptions say who writes which file. All strings stand in the warcinfo
// record; empty ones are left out.
type WriterOptions struct {
	Software string    // "onrecord/1.0 (+https://archive.example/about)"
	Operator string    // who runs the archive, with contact
	Visit    string    // the visit's name
	Robots   string    // how robots.txt is dealt with: "obey"
	Date     time.Time // of the warcinfo record; UTC
	Rand     io.Reader // names of records (RFC 9562, version 4); crypto/rand if nil
	Offset   int64     // bytes of the file that are there already; no warcinfo is written unless 0
	Plain    bool      // not compressed: for media, see WriteMedia
}

// A Writer writes exchanges as WARC records. It is not safe for concurrent
// use. After an error of the underlying writer it returns the same error for
// ever.
type Writer struct {
	w      io.Writer
	o      WriterOptions
	rand   *bufio.Reader
	zip    *gzip.Writer
	sum    hash.Hash
	out    bytes.Buffer // the exchange's members
	head   []byte       // of the record in hand
	digest []byte
	uuid   [16]byte
	off    int64
	err    error
}

// Written says where an exchange stands in the file.
type Written struct {
	ID     string // WARC-Record-ID of the evidence, "urn:uuid:…"
	Offset int64  // of the evidence: the response, revisit, resource or metadata record
	Length int64  // of its gzip member
	SHA256 string // of these bytes, lower-case hex
	Begin  int64  // of the exchange's first member, the warcinfo record among them
	End    int64  // behind its last

	// Revisit says that the payload is not in the file: the record refers to
	// the exchange's Prior.
	Revisit bool
}

// Ref returns the reference to x's evidence in the object of this key. Its time
// is the WARC-Date, to the microsecond.
func (w Written) Ref(object string, x onrecord.Exchange) onrecord.CaptureRef {
	return onrecord.CaptureRef{
		Object: object, Offset: w.Offset, Length: w.Length, SHA256: w.SHA256,
		URL: x.URL, At: x.At.UTC().Truncate(time.Microsecond), Status: x.Status,
	}
}

// NewWriter returns a Writer that appends to w. Each exchange is one call of
// w.Write.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	var zip *gzip.Writer
	var err error
	if !o.Plain {
		zip, err = gzip.NewWriterLevel(io.Discard, level)
	}
	return &Writer{
		w: w, o: o, zip: zip, sum: sha256.New(), off: o.Offset, err: err,
		rand: bufio.NewReaderSize(o.Rand, 16*16),
	}
}

// Write appends one exchange. Nothing is written if x is not recordable
// (ErrExchange).
func (w *Writer) Write(x onrecord.Exchange) (Written, error) {
	if w.err != nil {
		return Written{}, w.err
	}
	if err := check(x); err != nil {
		return Written{}, err
	}
	w.out.Reset()
	res, err := w.exchange(x)
	if err != nil {
		w.err = fmt.Errorf("warc: %w", err)
		return Written{}, w.err
	}
	if _, err := w.w.Write(w.out.Bytes()); err != nil {
		w.err = fmt.Errorf("warc: write at %d: %w", w.off, err)
		return Written{}, w.err
	}
	w.off += int64(w.out.Len())
	if w.out.Cap() > keepBuffer {
		w.out = bytes.Buffer{}
	}
	return res, nil
}

// exchange puts the members of x into w.out.
func (w *Writer) exchange(x onrecord.Exchange) (Written, error) {
	res := Written{Begin: w.off}
	if w.off == 0 {
		if err := w.info(); err != nil {
			return res, err
		}
	}
	start := w.out.Len()
	id, revisit, err := w.evidence(x)
	if err != nil {
		return res, err
	}
	end := w.out.Len()
	sum := sha256.Sum256(w.out.Bytes()[start:end])
	res.ID, res.Revisit = id, revisit
	res.Offset, res.Length = w.off+int64(start), int64(end-start)
	res.SHA256 = hex.EncodeToString(sum[:])
	if len(x.Request) > 0 {
		if err := w.beside(x, id, "request", typeRequest, x.Request); err != nil {
			return res, err
		}
	}
	if len(x.Note) > 0 {
		if err := w.beside(x, id, "metadata", typeJSON, x.Note); err != nil {
			return res, err
		}
	}
	res.End = w.off + int64(w.out.Len())
	return res, nil
}

// info writes the warcinfo record.
func (w *Writer) info() error {
	if _, err := w.begin("warcinfo", w.o.Date, typeFields); err != nil {
		return err
	}
	var b []byte
	for _, f := range [...][2]string{
		{"software", w.o.Software},
		{"format", "WARC File Format 1.1"},
		{"conformsTo", "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"},
		{"operator", w.o.Operator},
		{"isPartOf", w.o.Visit},
		{"robots", w.o.Robots},
	} {
		if f[1] != "" {
			b = append(b, f[0]+": "+oneLine(f[1])+"\r\n"...)
		}
	}
	return w.end(b, nil)
}

// evidence writes the first record of an exchange and returns its id.
func (w *Writer) evidence(x onrecord.Exchange) (id string, revisit bool, err error) {
	if len(x.Response) == 0 {
		id, err = w.headless(x)
		return id, false, err
	}
	payload := w.digestOf(x.Payload)
	profile := profileOf(x, payload)
	kind, body := "response", x.Payload
	if profile != "" {
		kind, body = "revisit", nil
	}
	if id, err = w.begin(kind, x.At, typeResponse); err != nil {
		return "", false, err
	}
	w.exchangeFields(x)
	if profile != "" {
		w.field("WARC-Profile", profile)
		w.field("WARC-Refers-To-Target-URI", x.Prior.URL)
		w.field("WARC-Refers-To-Date", x.Prior.At.UTC().Format(dateFormat))
	}
	if profile != ProfileNotModified {
		w.head = append(w.head, "WARC-Payload-Digest: sha256:"...)
		w.head = append(append(w.head, payload...), '\r', '\n')
	}
	return id, profile != "", w.end(hideTransferEncoding(x.Response), body)
}

// headless writes the evidence of what has no head: a file, or no answer.
func (w *Writer) headless(x onrecord.Exchange) (string, error) {
	kind, mime, body := "resource", typeOctets, x.Payload
	if x.Failure != "" {
		kind, mime = "metadata", typeFields
		body = []byte("failure: " + oneLine(x.Failure) + "\r\nmethod: " + oneLine(x.Method) + "\r\n")
	}
	if kind == "resource" && x.Type != "" {
		mime = oneLine(x.Type)
	}
	id, err := w.begin(kind, x.At, mime)
	if err != nil {
		return "", err
	}
	x.Failure = ""
	w.exchangeFields(x)
	if kind == "resource" {
		w.field("WARC-Payload-Digest", "sha256:"+w.digestOf(body))
	}
	return id, w.end(nil, body)
}

// exchangeFields writes the fields that say when, where and how far.
func (w *Writer) exchangeFields(x onrecord.Exchange) {
	w.field("WARC-Target-URI", x.URL)
	w.field("WARC-IP-Address", x.IP)
	w.field("WARC-Truncated", x.Truncated)
	if !x.Done.IsZero() {
		w.dated(fieldDone, x.Done)
	}
	w.field(fieldFailure, oneLine(x.Failure))
}

// beside writes a record that belongs to the evidence named id.
func (w *Writer) beside(x onrecord.Exchange, id, kind, mime string, block []byte) error {
	if _, err := w.begin(kind, x.At, mime); err != nil {
		return err
	}
	w.field("WARC-Target-URI", x.URL)
	w.named("WARC-Concurrent-To", id)
	return w.end(block, nil)
}

// begin begins a record and returns its id.
func (w *Writer) begin(kind string, date time.Time, mime string) (string, error) {
	if _, err := io.ReadFull(w.rand, w.uuid[:]); err != nil {
		return "", fmt.Errorf("name a record: %w", err)
	}
	id := uuidURN(w.uuid)
	w.head = append(w.head[:0], "WARC/1.1\r\n"...)
	w.field("WARC-Type", kind)
	w.named("WARC-Record-ID", id)
	w.dated("WARC-Date", date)
	w.field("Content-Type", mime)
	return id, nil
}

// field adds a field to the record in hand, unless its value is empty.
func (w *Writer) field(name, value string) {
	if value == "" {
		return
	}
	w.head = append(w.head, name...)
	w.head = append(w.head, ": "...)
	w.head = append(w.head, value...)
	w.head = append(w.head, '\r', '\n')
}

// named adds a field whose value is the name of a record.
func (w *Writer) named(name, id string) {
	w.head = append(w.head, name...)
	w.head = append(w.head, ": <"...)
	w.head = append(w.head, id...)
	w.head = append(w.head, ">\r\n"...)
}

// dated adds a field whose value is a time.
func (w *Writer) dated(name string, t time.Time) {
	w.head = append(w.head, name...)
	w.head = append(w.head, ": "...)
	w.head = t.UTC().AppendFormat(w.head, dateFormat)
	w.head = append(w.head, '\r', '\n')
}

// close ends the head of the record in hand: digest and length of its block.
func (w *Writer) close(digest []byte, size int64) {
	w.head = append(w.head, "WARC-Block-Digest: sha256:"...)
	w.head = hex.AppendEncode(w.head, digest)
	w.head = append(w.head, "\r\nContent-Length: "...)
	w.head = strconv.AppendInt(w.head, size, 10)
	w.head = append(w.head, "\r\n\r\n"...)
}

// end writes the record in hand with the block a+b, as one gzip member unless
// the file is not compressed.
func (w *Writer) end(a, b []byte) error {
	w.sum.Reset()
	w.sum.Write(a)
	w.sum.Write(b)
	w.digest = w.sum.Sum(w.digest[:0])
	w.close(w.digest, int64(len(a)+len(b)))
	parts := [...][]byte{w.head, a, b, recordEnd}
	if w.o.Plain {
		for _, p := range parts {
			w.out.Write(p)
		}
		return nil
	}
	if incompressible(b) {
		storeMember(&w.out, w.head, a, b, recordEnd)
		return nil
	}
	w.zip.Reset(&w.out)
	for _, p := range parts {
		if _, err := w.zip.Write(p); err != nil {
			return err
		}
	}
	return w.zip.Close()
}

// digestOf returns the SHA-256 of p in lower-case hex.
func (w *Writer) digestOf(p []byte) string {
	w.sum.Reset()
	w.sum.Write(p)
	w.digest = w.sum.Sum(w.digest[:0])
	return hex.EncodeToString(w.digest)
}

// profileOf returns the revisit profile under which x may be written, "" for
// none. A payload that was cut is no statement of identity.
func profileOf(x onrecord.Exchange, digest string) string {
	switch {
	case x.Prior == nil || x.Truncated != "":
		return ""
	case x.Status == http.StatusNotModified:
		return ProfileNotModified
	case len(x.Payload) > 0 && x.Prior.Digest == digest:
		return ProfileIdentical
	}
	return ""
}

// uuidURN spells u as a version 4 UUID (RFC 9562).
func uuidURN(u [16]byte) string {
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	var room [45]byte
	b := append(room[:0], "urn:uuid:"...)
	for i, n := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, u[n[0]:n[1]])
	}
	return string(b)
}
