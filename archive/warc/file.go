// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package warc

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"

	"onrecord"
)

// WriteFile appends a file that no exchange brought, as a resource record, with
// memory that does not grow with the file. Of x it takes address, times and
// media type. A file whose bytes are not those of f is ErrExchange; that, or any
// other error, ends the use of the Writer: what was written by then must be cut.
func (w *Writer) WriteFile(x onrecord.Exchange, f onrecord.File) (Written, error) {
	if w.err != nil {
		return Written{}, w.err
	}
	if err := check(onrecord.Exchange{URL: x.URL, At: x.At, Payload: []byte{0}}); err != nil {
		return Written{}, err
	}
	w.out.Reset()
	res, err := w.file(x, f)
	if err != nil {
		w.err = fmt.Errorf("warc: write at %d: %w", w.off, err)
		return Written{}, w.err
	}
	w.off = res.End
	return res, nil
}

// file writes the members of a file: the warcinfo, where it is the first of the
// WARC, and the resource record.
func (w *Writer) file(x onrecord.Exchange, f onrecord.File) (Written, error) {
	res := Written{Begin: w.off, Offset: w.off}
	if w.off == 0 {
		if err := w.info(); err != nil {
			return res, err
		}
		if _, err := w.w.Write(w.out.Bytes()); err != nil {
			return res, err
		}
		res.Offset += int64(w.out.Len())
	}
	mime := typeOctets
	if x.Type != "" {
		mime = oneLine(x.Type)
	}
	id, err := w.begin("resource", x.At, mime)
	if err != nil {
		return res, err
	}
	w.exchangeFields(onrecord.Exchange{URL: x.URL, Done: x.Done})
	w.field("WARC-Payload-Digest", "sha256:"+hex.EncodeToString(f.SHA256[:]))
	w.close(f.SHA256[:], f.Size)
	m := &member{w: w.w, sum: sha256.New()}
	if err := w.stream(m, f); err != nil {
		return res, err
	}
	res.ID, res.Length, res.SHA256 = id, m.n, hex.EncodeToString(m.sum.Sum(nil))
	res.End = res.Offset + m.n
	return res, nil
}

// stream writes the record in hand, whose head is closed, with the bytes of f as
// its block.
func (w *Writer) stream(m *member, f onrecord.File) (err error) {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	br := bufio.NewReaderSize(r, 1<<16)
	zip := w.zip
	if begin, err := br.Peek(8); err == nil && isCompressed(begin) {
		// The format wants a gzip member; nothing becomes smaller twice.
		if zip, err = gzip.NewWriterLevel(m, gzip.NoCompression); err != nil {
			return err
		}
	}
	zip.Reset(m)
	if _, err := zip.Write(w.head); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(zip, sum), io.LimitReader(br, f.Size+1))
	if err != nil {
		return err
	}
	if n != f.Size || [32]byte(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%w: the file is not what it was: %d bytes with SHA-256 %x, not %d with %x", ErrExchange, n, sum.Sum(nil), f.Size, f.SHA256)
	}
	if _, err := zip.Write([]byte("\r\n\r\n")); err != nil {
		return err
	}
	return zip.Close()
}

// isCompressed reports whether a file that begins so is compressed: gzip, zip,
// zstd, xz, bzip2.
func isCompressed(begin []byte) bool {
	for _, magic := range [...]string{"\x1f\x8b", "PK\x03\x04", "\x28\xb5\x2f\xfd", "\xfd7zXZ\x00", "BZh"} {
		if bytes.HasPrefix(begin, []byte(magic)) {
			return true
		}
	}
	return false
}

// A member counts and hashes the bytes of one gzip member on their way.
type member struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (m *member) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.sum.Write(p[:n])
	m.n += int64(n)
	return n, err
}
