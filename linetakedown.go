// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import "bytes"

// takedown writes what the operator decided.
func (w *lineWriter) takedown(t *Takedown) {
	if t == nil {
		return
	}
	w.key("takedown")
	w.b = append(w.b, '{')
	w.str("case", t.Case)
	w.str("ground", string(t.Ground))
	w.str("reason", t.Reason)
	w.time("decided", t.Decided)
	w.b = append(w.b, '}')
}

// erasure writes what an erasure orders.
func (w *lineWriter) erasure(e *Erasure) {
	if e == nil {
		return
	}
	w.key("erasure")
	w.b = append(w.b, '{')
	if len(e.Leaves) > 0 {
		w.key("leaves")
		w.list(len(e.Leaves), func(i int) { w.int(e.Leaves[i]) })
	}
	if len(e.Records) > 0 {
		w.key("records")
		w.list(len(e.Records), func(i int) {
			r := e.Records[i]
			w.b = append(w.b, '{')
			w.str("object", r.Object)
			w.num("offset", r.Offset)
			w.num("length", r.Length)
			w.b = append(w.b, '}')
		})
	}
	if len(e.Objects) > 0 {
		w.key("objects")
		w.list(len(e.Objects), func(i int) {
			o := e.Objects[i]
			w.b = append(w.b, '{')
			w.str("key", o.Key)
			w.num("length", o.Length)
			w.str("sha256", o.SHA256)
			w.b = append(w.b, '}')
		})
	}
	w.ids("also", e.Also)
	w.str("note", e.Note)
	w.b = append(w.b, '}')
}

// Canonical returns what a key signs of e: the value of "erasure" as it stands
// in a journal line, without its note.
func (e Erasure) Canonical() []byte {
	w := lineWriter{b: []byte{'{'}}
	e.Note = ""
	w.erasure(&e)
	_, value, _ := bytes.Cut(w.b, []byte(":"))
	return value
}

func (r *reader) takedown() *Takedown {
	var t Takedown
	r.object(func(key string) {
		switch key {
		case "case":
			t.Case = r.str()
		case "ground":
			t.Ground = Ground(r.str())
		case "reason":
			t.Reason = r.str()
		case "decided":
			t.Decided = r.time()
		default:
			r.skip()
		}
	})
	return &t
}

func (r *reader) erasure() *Erasure {
	var e Erasure
	r.object(func(key string) {
		switch key {
		case "leaves":
			r.array(func() { e.Leaves = append(e.Leaves, r.int64()) })
		case "records":
			r.array(func() { e.Records = append(e.Records, r.span()) })
		case "objects":
			r.array(func() { e.Objects = append(e.Objects, r.objectValue()) })
		case "also":
			e.Also = r.ids()
		case "note":
			e.Note = r.str()
		default:
			r.skip()
		}
	})
	return &e
}

func (r *reader) span() (s Span) {
	r.object(func(key string) {
		switch key {
		case "object":
			s.Object = r.str()
		case "offset":
			s.Offset = r.int64()
		case "length":
			s.Length = r.int64()
		default:
			r.skip()
		}
	})
	return s
}

func (r *reader) objectValue() (o ObjectValue) {
	r.object(func(key string) {
		switch key {
		case "key":
			o.Key = r.str()
		case "length":
			o.Length = r.int64()
		case "sha256":
			o.SHA256 = r.str()
		default:
			r.skip()
		}
	})
	return o
}
