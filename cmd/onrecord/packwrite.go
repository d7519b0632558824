// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/wacz"
	"onrecord/archive/warc"
)

// A packNotes is onrecord/notes.json: what a package is, and what it lacks.
type packNotes struct {
	Notice     string    `json:"notice"`
	Archive    string    `json:"archive"`
	Operator   string    `json:"operator,omitempty"`
	URL        string    `json:"url,omitempty"`
	Log        string    `json:"log"`        // origin of the ledger
	LogKey     string    `json:"log_key"`    // as the archive's own onrecord.json names it
	LogSize    int64     `json:"log_size"`   // state of the record that is shown
	LogRoot    string    `json:"log_root"`   // base64
	RecordedTo time.Time `json:"indexed_to"` // of that state
	Statements int       `json:"statements"`
	Records    int       `json:"records"`
	Verify     string    `json:"verify"`
	LeftOut    []leftOut `json:"left_out"`
	Elsewhere  []prior   `json:"payload_elsewhere"`
}

// A prior is a record whose payload stands in another one that is not in the
// package: the platform answered with the same bytes as before.
type prior struct {
	URL string    `json:"url"`
	At  time.Time `json:"at"`
	Of  string    `json:"of"`       // URL of the capture with the payload
	Has time.Time `json:"captured"` // its time
}

// howToVerify says what proves a package.
const howToVerify = "Each line of a proof file was recorded no later than the checkpoint that is in it, and not changed since: onrecord verify FILE checks that with the archive's public key, offline. " +
	"A line cites captures by SHA-256; recordDigest in indexes/index.cdx.gz is that of the same bytes in archive/. It is not shown that nothing came after, nor that the platform served what was captured."

// write writes the package of a plan. Progress is counted in bytes of captures.
func (p packer) write(ctx context.Context, out io.Writer, plan *packPlan, progress func(done, total int64)) (packNotes, error) {
	notes := p.notes(plan)
	w := wacz.NewWriter(out, p.options(plan))
	if err := p.records(ctx, w, plan, &notes, progress); err != nil {
		return notes, err
	}
	if err := w.Pages("Statements", p.pages(plan)); err != nil {
		return notes, err
	}
	for _, s := range plan.statements {
		if err := p.statement(ctx, w, plan, s); err != nil {
			return notes, fmt.Errorf("statement %s: %w", s.ID, err)
		}
	}
	body, err := asFile(notes)
	if err == nil {
		err = w.File("onrecord/notes.json", body)
	}
	if err != nil {
		return notes, err
	}
	return notes, w.Close()
}

// notes begins the notes of a package.
func (p packer) notes(plan *packPlan) packNotes {
	meta := p.a.Meta()
	return packNotes{
		Notice:  "This is an archive copy made by " + p.name + ". It is not run by the person or body whose statements it shows.",
		Archive: p.name, Operator: p.operator, URL: p.url, Log: meta.Origin, LogKey: meta.PublicKey,
		LogSize: plan.point.Size, LogRoot: plan.point.Root, RecordedTo: plan.created.UTC(), Statements: len(plan.statements),
		Verify: howToVerify, LeftOut: append([]leftOut{}, plan.left...), Elsewhere: []prior{},
	}
}

// options describes a package.
func (p packer) options(plan *packPlan) wacz.Options {
	words := fmt.Sprintf("Archive copy by %s, not run by those whose statements it shows. %s, as recorded up to no. %d of the ledger %s.",
		p.name, count(len(plan.statements), "statement", "statements"), plan.point.Size, p.a.Meta().Origin)
	if n := len(plan.left); n > 0 {
		words += fmt.Sprintf(" %s left out; onrecord/notes.json says why.", count(n, "capture is", "captures are"))
	}
	o := wacz.Options{Title: plan.title, Description: words + "\n\n" + howToVerify, Software: "onrecord/" + version(), Created: plan.created}
	for _, s := range plan.statements {
		if s.page.Object != "" {
			o.MainURL, o.MainDate = s.page.URL, s.page.At
			break
		}
	}
	return o
}

// records copies the records of a plan, byte for byte.
func (p packer) records(ctx context.Context, w *wacz.Writer, plan *packPlan, notes *packNotes, progress func(done, total int64)) error {
	done := int64(0)
	var priors []prior
	has := map[string]bool{}
	for _, object := range plan.objects() {
		pieces, err := p.a.Pieces(ctx, object, plan.refs[object])
		if err != nil {
			return err
		}
		if err := w.WARC(path.Base(object)); err != nil {
			return err
		}
		for _, piece := range pieces {
			rec, err := p.copy(ctx, w, piece)
			if err != nil {
				return fmt.Errorf("record at offset %d of %s: %w", piece.Offset, object, err)
			}
			notes.Records++
			has[captureName(rec.URL(), rec.Date())] = rec.Type() == "response" || rec.Type() == "resource" || has[captureName(rec.URL(), rec.Date())]
			if url, at := rec.RefersTo(); rec.Type() == "revisit" && rec.Get("WARC-Profile") == warc.ProfileIdentical {
				priors = append(priors, prior{URL: rec.URL(), At: rec.Date(), Of: url, Has: at})
			}
			if done += piece.Ref.Length; progress != nil {
				progress(done, plan.bytes)
			}
		}
	}
	for _, r := range priors {
		if !has[captureName(r.Of, r.Has)] {
			notes.Elsewhere = append(notes.Elsewhere, r)
		}
	}
	return nil
}

// captureName names a capture by address and time.
func captureName(url string, at time.Time) string {
	return url + " " + at.UTC().Format(time.RFC3339Nano)
}

// copy copies one record.
func (p packer) copy(ctx context.Context, w *wacz.Writer, piece archive.Piece) (*warc.Record, error) {
	r, err := p.a.OpenPiece(ctx, piece)
	if err != nil {
		return nil, err
	}
	rec, err := w.Record(r)
	return rec, errors.Join(err, r.Close())
}

// pages yields a page for each statement that has a capture in the package.
func (p packer) pages(plan *packPlan) iter.Seq2[wacz.Page, error] {
	return func(yield func(wacz.Page, error) bool) {
		for _, s := range plan.statements {
			if s.page.Object == "" {
				continue
			}
			page := wacz.NewPage(string(s.ID), s.page.URL, s.page.At, packTitle(s.Statement), s.Content.Text)
			page.Statement = string(s.ID)
			if s.URL != s.page.URL {
				page.Original = s.URL
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// packTitle is the title of a statement outside the archive: it says at once
// that this is a copy.
func packTitle(s onrecord.Statement) string {
	text := []rune(strings.Join(strings.Fields(cmp.Or(s.Content.Title, s.Content.Text)), " "))
	if len(text) > 80 {
		text = append(text[:79], '…')
	}
	return fmt.Sprintf("%s (archive copy): %s", s.Figure.Name, string(text))
}

// statement adds what the archive knows of a statement, and its proof.
func (p packer) statement(ctx context.Context, w *wacz.Writer, plan *packPlan, s packed) error {
	prefix := "onrecord/"
	if len(plan.statements) > 1 {
		prefix += string(s.ID) + "."
	}
	about, err := asFile(struct {
		Notice    string `json:"notice"`
		Statement any    `json:"statement"`
	}{
		fmt.Sprintf("Archive copy by %s, not run by %s.", p.name, s.Figure.Name), showJSON(s.Statement, s.versions, s.captures),
	})
	if err != nil {
		return err
	}
	if err := w.File(prefix+"statement.json", about); err != nil {
		return err
	}
	var indexes []int64
	for _, e := range s.events {
		indexes = append(indexes, e.Index)
	}
	slices.Sort(indexes)
	f, err := p.a.ProofOf(ctx, false, slices.Compact(indexes)...)
	if err != nil {
		return err
	}
	proof, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return w.File(prefix+"proof.json", append(proof, '\n'))
}

// asFile returns v as an indented file.
func asFile(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
