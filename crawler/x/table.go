// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// columns are the names of columns that are read, with what they hold.
var columns = map[string]func(t *tweet, v string){
	"id":                           func(t *tweet, v string) { t.id = firstOf(t.id, v) },
	"id_str":                       func(t *tweet, v string) { t.id = firstOf(v, t.id) },
	"status_id":                    func(t *tweet, v string) { t.id = v },
	"tweet_id":                     func(t *tweet, v string) { t.id = v },
	"text":                         func(t *tweet, v string) { t.text = firstOf(t.text, v) },
	"tweet_text":                   func(t *tweet, v string) { t.text = firstOf(t.text, v) },
	"full_text":                    func(t *tweet, v string) { t.text = v },
	"date":                         func(t *tweet, v string) { t.created = v },
	"created_at":                   func(t *tweet, v string) { t.created = v },
	"isretweet":                    func(t *tweet, v string) { t.isRepost = isTrue(v) },
	"is_retweet":                   func(t *tweet, v string) { t.isRepost = isTrue(v) },
	"isdeleted":                    func(t *tweet, v string) { t.deleted = isTrue(v) },
	"is_deleted":                   func(t *tweet, v string) { t.deleted = isTrue(v) },
	"favorites":                    func(t *tweet, v string) { t.counts.likes = number(v) },
	"favorite_count":               func(t *tweet, v string) { t.counts.likes = number(v) },
	"favourite":                    func(t *tweet, v string) { t.counts.likes = number(v) },
	"retweets":                     func(t *tweet, v string) { t.counts.reposts = number(v) },
	"retweet_count":                func(t *tweet, v string) { t.counts.reposts = number(v) },
	"lang":                         func(t *tweet, v string) { t.lang = v },
	"language":                     func(t *tweet, v string) { t.lang = v },
	"screen_name":                  func(t *tweet, v string) { t.user.handle = v },
	"username":                     func(t *tweet, v string) { t.user.handle = v },
	"user_id":                      func(t *tweet, v string) { t.user.id = v },
	"user_id_str":                  func(t *tweet, v string) { t.user.id = v },
	"author_id":                    func(t *tweet, v string) { t.user.id = v },
	"in_reply_to_status_id":        func(t *tweet, v string) { t.replyTo = v },
	"in_reply_to_status_id_str":    func(t *tweet, v string) { t.replyTo = v },
	"in_reply_to_status_status_id": func(t *tweet, v string) { t.replyTo = v },
	"in_reply_to_user_id":          func(t *tweet, v string) { t.replyUser = v },
	"in_reply_to_user_id_str":      func(t *tweet, v string) { t.replyUser = v },
	"in_reply_to_status_user_id":   func(t *tweet, v string) { t.replyUser = v },
	"quote_status_id":              func(t *tweet, v string) { t.quoteOf = v },
	"quoted_status_id":             func(t *tweet, v string) { t.quoteOf = v },
	"retweet_status_id":            func(t *tweet, v string) { t.repostOf = v },
}

// number returns a count; -1 where there is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(s, ".0"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

var errTable = errors.New("not a table of posts")

// A header says what the columns of a table hold.
type header struct {
	comma rune
	cells []string
	set   []func(t *tweet, v string) // nil for what is not read
	text  bool                       // there is a column of texts
}

// headerOf reads the first line of a table.
func headerOf(head []byte) (header, error) {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(head, []byte("\ufeff")), []byte{'\n'})
	h := header{comma: ','}
	for _, c := range []rune{';', '\t'} {
		if bytes.Count(line, []byte(string(c))) > bytes.Count(line, []byte(string(h.comma))) {
			h.comma = c
		}
	}
	c := csv.NewReader(bytes.NewReader(line))
	c.Comma = h.comma
	cells, err := c.Read()
	if err != nil {
		return h, errTable
	}
	h.cells = cells
	id := false
	for _, cell := range cells {
		name := strings.ToLower(strings.TrimSpace(cell))
		h.set = append(h.set, columns[name])
		id = id || slices.Contains([]string{"id", "id_str", "status_id", "tweet_id"}, name)
		h.text = h.text || slices.Contains([]string{"text", "tweet_text", "full_text"}, name)
	}
	if !id {
		return h, errTable
	}
	return h, nil
}

// table reads a table with a line of headings.
func (r *run) table(in peeker) error {
	head, err := in.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	h, err := headerOf(head)
	if err != nil {
		return err
	}
	bound := &bounded{r: in, left: maxRecord}
	c := csv.NewReader(bound)
	c.Comma, c.ReuseRecord, c.FieldsPerRecord = h.comma, true, -1
	if _, err := c.Read(); err != nil {
		return fmt.Errorf("headings: %w", err)
	}
	for {
		bound.left = maxRecord
		cells, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := r.row(h, c, cells, err, bound); err != nil {
			return fmt.Errorf("record %d: %w", r.records+1, err)
		}
		if err := r.goOn(); err != nil {
			return err
		}
	}
}

// row takes one row, or what is wrong with it.
func (r *run) row(h header, c *csv.Reader, cells []string, err error, in *bounded) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		r.line = int64(p.StartLine)
		if in.eof && in.ended(c) {
			return &cutError{r.line, "cut: the row has no end"}
		}
		r.refuse(reasonNotCSV, "", p.Err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	line, _ := c.FieldPos(0)
	r.line = int64(line)
	if len(cells) != len(h.cells) {
		if in.eof && len(cells) < len(h.cells) && in.ended(c) {
			return &cutError{r.line, "cut: the row has no end"}
		}
		r.refuse(reasonNotCSV, "", fmt.Sprintf("%d columns, %d headings", len(cells), len(h.cells)))
		return nil
	}
	r.t.reset()
	t := &r.t
	for i, cell := range cells {
		if set := h.set[i]; set != nil && cell != "" && cell != "NA" && cell != "NaN" && cell != "None" {
			set(t, cell)
		}
	}
	t.hasText = h.text
	if !h.text {
		t.deleted = t.deleted || r.deleted
	}
	if t.repostOf != "" {
		t.isRepost = true
	}
	r.keepRow(h, cells)
	r.take(t)
	return nil
}

type peeker interface {
	io.Reader
	Peek(n int) ([]byte, error)
}

// A bounded reader ends a row that has no end, as an open quotation mark makes.
type bounded struct {
	r    io.Reader
	left int
	n    int64
	eof  bool
}

var errRow = errors.New("the row is longer than 32 MiB: a quotation mark may be open")

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRow
	}
	n, err := b.r.Read(p)
	b.left -= n
	b.n += int64(n)
	b.eof = b.eof || errors.Is(err, io.EOF)
	return n, err
}

// ended reports whether c has read all that there is.
func (b *bounded) ended(c *csv.Reader) bool { return c.InputOffset() >= b.n }
