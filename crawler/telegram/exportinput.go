// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package telegram

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxValue bounds one message, in bytes: Telegram's own limit for a text is
// 4,096 characters.
const maxValue = 4 << 20

// maxNested bounds how deep what is skipped may be nested.
const maxNested = 100

var errTooLong = fmt.Errorf("a message of more than %d bytes", maxValue)

// An input reads JSON piece by piece. Memory is bound by the largest message.
type input struct {
	r *repair
	d *json.Decoder
}

func newInput(r io.Reader) *input {
	fix := &repair{r: bufio.NewReaderSize(r, 64<<10)}
	if mark, err := fix.r.Peek(3); err == nil && bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = fix.r.Discard(3)
	}
	d := json.NewDecoder(fix)
	d.UseNumber()
	return &input{r: fix, d: d}
}

// offset is about where the reading is, in bytes of the file.
func (in *input) offset() int64 { return in.d.InputOffset() - in.r.added }

func (in *input) token() (json.Token, error) {
	in.r.left = maxValue
	t, err := in.d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return t, err
}

func (in *input) open(want json.Delim) error {
	t, err := in.token()
	if err != nil {
		return err
	}
	if t != want {
		return fmt.Errorf("%.40v, want %v", t, want)
	}
	return nil
}

func (in *input) more() bool {
	in.r.left = maxValue
	return in.d.More()
}

func (in *input) key() (string, error) {
	t, err := in.token()
	if err != nil {
		return "", err
	}
	key, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%.40v, want a key", t)
	}
	return key, nil
}

// end reads the end of the outermost object, behind which nothing may stand.
func (in *input) end() error {
	if _, err := in.token(); err != nil {
		return err
	}
	in.r.left = maxValue
	if _, err := in.d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something behind the end")
	}
	return nil
}

// object calls member for each member of an object; it must read the value.
func (in *input) object(member func(key string) error) error {
	if err := in.open('{'); err != nil {
		return err
	}
	for in.more() {
		key, err := in.key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
	_, err := in.token()
	return err
}

// array calls element for each element of an array; it must read it.
func (in *input) array(element func() error) error {
	if err := in.open('['); err != nil {
		return err
	}
	for in.more() {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := in.token()
	return err
}

// decode reads one value.
func (in *input) decode(v any) error {
	in.r.left = maxValue
	err := in.d.Decode(v)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// text reads a string, a number or null as a text.
func (in *input) text(s *string) error {
	var w word
	if err := in.decode(&w); err != nil {
		return err
	}
	*s = string(w)
	return nil
}

// drop reads one value and forgets it.
func (in *input) drop() error {
	var v nothing
	return in.decode(&v)
}

// skip reads one value of any size and forgets it.
func (in *input) skip() error {
	for depth := 0; ; {
		t, err := in.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxNested {
				return fmt.Errorf("nested deeper than %d", maxNested)
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// nothing is a value that is not kept.
type nothing struct{}

// UnmarshalJSON takes anything.
func (*nothing) UnmarshalJSON([]byte) error { return nil }

// A word is a text, or a number as it is written; null and anything else is
// empty: exports have changed their mind about which is which.
type word string

// UnmarshalJSON reads a string or a number.
func (w *word) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 1 && b[0] == '"' && bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b):
		*w = word(b[1 : len(b)-1]) // as it is, which most are
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, (*string)(w))
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		*w = word(b)
	default:
		*w = ""
	}
	return nil
}

// repair makes JSON of what Telegram Desktop writes: within strings it escapes
// control characters as \x1F, which JSON does not know. It fails when more than
// left bytes are read.
type repair struct {
	r        *bufio.Reader
	left     int
	added    int64
	inString bool
	out      []byte // ready to be read: the rest of buf
	buf      []byte
}

// Read implements io.Reader.
func (r *repair) Read(p []byte) (int, error) {
	if len(r.out) == 0 {
		if r.left <= 0 {
			return 0, errTooLong
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	r.left -= n
	return n, nil
}

// fill repairs the next stretch of the file.
func (r *repair) fill() error {
	b, err := r.r.Peek(r.r.Size())
	if len(b) == 0 {
		return err
	}
	out := r.buf[:0]
	used := 0
	for used < len(b) {
		rest := b[used:]
		n := 1
		switch {
		case !r.inString:
			if n = bytes.IndexByte(rest, '"') + 1; n > 0 {
				r.inString = true
			} else {
				n = len(rest)
			}
		case rest[0] == '"':
			r.inString = false
		case rest[0] != '\\':
			if n = bytes.IndexAny(rest, `"\`); n < 0 {
				n = len(rest)
			}
		case len(rest) < 4 && err == nil: // the escape is not all there
			n = 0
		case len(rest) >= 4 && rest[1] == 'x' && isHex(rest[2]) && isHex(rest[3]):
			out = append(out, `\u00`...)
			out = append(out, rest[2:4]...)
			r.added += 2
			used += 4
			continue
		default:
			n = min(2, len(rest))
		}
		if n == 0 {
			break
		}
		out = append(out, rest[:n]...)
		used += n
	}
	r.out, r.buf = out, out
	_, err = r.r.Discard(used)
	return err
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f'
}
