// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"onrecord"
	"onrecord/crawler"
)

// placeholder is the object of a capture that is recorded only if an event
// rests on it.
const placeholder = "to be recorded"

// evidence is what the statements of a batch rest on.
type evidence struct {
	w     *importWriter
	batch crawler.Batch
	kept  onrecord.CaptureRef // of Batch.Kept
}

// ref returns the capture, recorded in the open visit if it is not in the record
// yet.
func (e *evidence) ref(ctx context.Context) (onrecord.CaptureRef, error) {
	w, b := e.w, e.batch
	x := onrecord.Exchange{At: w.r.i.Now().UTC().Truncate(time.Microsecond)}
	var err error
	switch {
	case b.Kept != nil && e.kept.Object == "":
		x.URL, x.Type, x.Payload = w.r.in.partURL(w.behind+1), b.KeptType, b.Kept
		if e.kept, err = w.v.Record(ctx, x); err != nil {
			return e.kept, err
		}
		w.recorded, w.captured = true, w.captured+int64(len(b.Kept))
		w.shows(e.kept, b.File, b.Kept)
	case b.Kept == nil:
		return w.recordFile(ctx, x, b.File)
	}
	return e.kept, nil
}

// size returns how many bytes ref records at most.
func (e *evidence) size() int64 {
	f, ok := e.w.r.in.files[e.batch.File]
	switch {
	case e.kept.Object != "" || e.batch.Kept == nil && ok && hex.EncodeToString(f.SHA256[:]) == e.w.file:
		return 0
	case e.batch.Kept != nil:
		return int64(len(e.batch.Kept))
	}
	return f.Size
}

// recordFile returns the capture of a file of the import, which it records if it
// is not the last one that was recorded.
func (w *importWriter) recordFile(ctx context.Context, x onrecord.Exchange, name string) (onrecord.CaptureRef, error) {
	f, ok := w.r.in.files[name]
	if !ok {
		return onrecord.CaptureRef{}, fmt.Errorf("%s: not among the files that the importer named", name)
	}
	sum := hex.EncodeToString(f.SHA256[:])
	if sum == w.file {
		return w.capture, nil
	}
	x.URL = w.r.in.fileURL(name)
	ref, err := w.v.RecordFile(ctx, x, f)
	if err != nil {
		return ref, cmp.Or(w.r.in.watch.check(false), err)
	}
	w.file, w.capture, w.recorded, w.captured = sum, ref, true, w.captured+f.Size
	w.shows(ref, name, nil)
	return ref, nil
}

// lineBound returns more than the line of e takes, without making it.
func lineBound(e onrecord.Event) int {
	n := 640 // keys, times, numbers, ids, salt
	for _, s := range [...]string{
		e.Figure, e.Source, e.Door, e.Parser, e.Account.Platform, e.Account.ID, e.Account.Handle, e.Account.Name,
		e.NativeID, e.LocalID, e.URL, e.Order, e.Code, e.Reason,
	} {
		n += escaped(s)
	}
	for _, a := range e.Aliases {
		n += escaped(a) + 4
	}
	for k := range e.Engagement {
		n += len(k) + 24
	}
	for range e.Captures { // the address of a file is not known yet
		n += 500
	}
	if e.Run != nil {
		n += 600 + 20*(len(e.Run.Seen)+len(e.Run.Except))
	}
	if e.Content == nil {
		return n
	}
	c := e.Content
	n += escaped(c.Title) + escaped(c.Text) + escaped(c.Spoiler) + escaped(c.HTML)
	n += escaped(c.Published) + escaped(c.Lang) + escaped(c.ReplyTo) + escaped(c.RepostOf) + escaped(c.QuoteOf)
	for _, list := range [][]string{c.Categories, c.Links, c.Poll} {
		for _, s := range list {
			n += escaped(s) + 4
		}
	}
	for _, m := range c.Media {
		n += escaped(m.ID) + escaped(m.Alt) + 24
	}
	return n
}

// escaped returns at least the length of s as a JSON string.
func escaped(s string) int {
	n := len(s)
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ':
			n += 5
		case c == '"' || c == '\\':
			n++
		case c >= 0x80:
			n += 2 // where it is no UTF-8, three bytes stand for one
		}
	}
	return n
}
