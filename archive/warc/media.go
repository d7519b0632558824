// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"

	"onrecord"
)

// A Payload is where the payload of an exchange stands, and what it is.
type Payload struct {
	Offset int64 // in bytes of the file; -1 where the record only refers to it
	Size   int64 // bytes
	SHA256 [32]byte
}

// WriteMedia appends an exchange whose payload is f, with memory that does not
// grow with it; x.Payload is not looked at. Where x.Prior has f's digest the
// record is a revisit, and f is not read. Without x.Response it is a resource
// record of x's media type. It is for a Writer whose file is not compressed:
// there the payload is a byte range of the file. A file whose bytes
// are not those of f is ErrExchange; that, or any other error, ends the use of
// the Writer: what was written by then must be cut.
func (w *Writer) WriteMedia(x onrecord.Exchange, f onrecord.File) (Written, Payload, error) {
	if w.err != nil {
		return Written{}, Payload{}, w.err
	}
	x.Payload = nil
	if err := checkMedia(x); err != nil {
		return Written{}, Payload{}, err
	}
	if !w.o.Plain {
		return Written{}, Payload{}, errors.New("warc: media are written into files that are not compressed")
	}
	w.out.Reset()
	res, p, err := w.media(x, f)
	if err != nil {
		w.err = fmt.Errorf("warc: write at %d: %w", w.off, err)
		return Written{}, Payload{}, w.err
	}
	w.off = res.End
	return res, p, nil
}

// checkMedia reports why x can't be written with a payload of its own.
func checkMedia(x onrecord.Exchange) error {
	if x.Failure != "" || x.Truncated != "" {
		return fmt.Errorf("%w: %s: media need a whole answer", ErrExchange, x.URL)
	}
	if len(x.Response) == 0 {
		x.Payload = []byte{0}
	}
	return check(x)
}

// media writes the records of an exchange: response or revisit, request, note.
func (w *Writer) media(x onrecord.Exchange, f onrecord.File) (Written, Payload, error) {
	res, p := Written{Begin: w.off}, Payload{Offset: -1, Size: f.Size, SHA256: f.SHA256}
	if w.off == 0 {
		if err := w.info(); err != nil {
			return res, p, err
		}
	}
	digest := hex.EncodeToString(f.SHA256[:])
	res.Revisit = x.Prior != nil && x.Prior.Digest == digest
	kind, mime := "response", typeResponse
	switch {
	case res.Revisit:
		kind = "revisit"
	case len(x.Response) == 0:
		kind, mime = "resource", cmp.Or(oneLine(x.Type), typeOctets)
	}
	res.Offset = w.off + int64(w.out.Len())
	id, err := w.begin(kind, x.At, mime)
	if err != nil {
		return res, p, err
	}
	w.exchangeFields(x)
	if res.Revisit {
		w.field("WARC-Profile", ProfileIdentical)
		w.field("WARC-Refers-To-Target-URI", x.Prior.URL)
		w.field("WARC-Refers-To-Date", x.Prior.At.UTC().Format(dateFormat))
	}
	w.field("WARC-Payload-Digest", "sha256:"+digest)
	head := hideTransferEncoding(x.Response)
	evidence := &tally{w: w.w, sum: sha256.New()}
	before := w.out.Len()
	if res.Revisit {
		err = w.end(head, nil)
	} else {
		p.Offset, err = w.payload(head, f, evidence)
	}
	if err != nil {
		return res, p, err
	}
	if res.Revisit {
		evidence.sum.Write(w.out.Bytes()[before:])
		evidence.n = int64(w.out.Len() - before)
	}
	res.ID, res.Length, res.SHA256 = id, evidence.n, hex.EncodeToString(evidence.sum.Sum(nil))
	return w.afterMedia(x, res, p)
}

// afterMedia writes what belongs to the evidence in res.
func (w *Writer) afterMedia(x onrecord.Exchange, res Written, p Payload) (Written, Payload, error) {
	if !res.Revisit {
		w.out.Reset() // it was written with the payload
	}
	if len(x.Request) > 0 {
		if err := w.beside(x, res.ID, "request", typeRequest, x.Request); err != nil {
			return res, p, err
		}
	}
	if len(x.Note) > 0 {
		if err := w.beside(x, res.ID, "metadata", typeJSON, x.Note); err != nil {
			return res, p, err
		}
	}
	end := res.Offset + res.Length
	if res.Revisit {
		end = w.off
	}
	res.End = end + int64(w.out.Len())
	_, err := w.w.Write(w.out.Bytes())
	return res, p, err
}

// payload writes what is in w.out, then the record in hand with the block
// head+f, and returns the payload's offset. The record goes through t.
func (w *Writer) payload(head []byte, f onrecord.File, t *tally) (offset int64, err error) {
	// The block is hashed as a whole only by reading the payload twice; its
	// payload has a digest, and the object has one.
	w.head = append(w.head, "Content-Length: "...)
	w.head = strconv.AppendInt(w.head, int64(len(head))+f.Size, 10)
	w.head = append(w.head, "\r\n\r\n"...)
	offset = w.off + int64(w.out.Len()+len(w.head)+len(head))
	if _, err := w.w.Write(w.out.Bytes()); err != nil {
		return 0, err
	}
	for _, b := range [...][]byte{w.head, head} {
		if _, err := t.Write(b); err != nil {
			return 0, err
		}
	}
	r, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(t, sum), io.LimitReader(r, f.Size+1))
	if err != nil {
		return 0, err
	}
	if n != f.Size || [32]byte(sum.Sum(nil)) != f.SHA256 {
		return 0, fmt.Errorf("%w: the payload is not what it was: %d bytes with SHA-256 %x, not %d with %x", ErrExchange, n, sum.Sum(nil), f.Size, f.SHA256)
	}
	_, err = t.Write([]byte("\r\n\r\n"))
	return offset, err
}

// A tally counts and hashes the bytes of one record on their way.
type tally struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (t *tally) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.sum.Write(p[:n])
	t.n += int64(n)
	return n, err
}
