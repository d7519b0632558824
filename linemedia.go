// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

// kept writes what became of an attachment.
func (w *lineWriter) kept(m *KeptMedia) {
	if m == nil {
		return
	}
	w.key("media_kept")
	w.b = append(w.b, '{')
	w.str("id", m.ID)
	w.str("url", m.URL)
	w.str("sha256", m.SHA256)
	w.str("type", m.Type)
	w.count("size", m.Size)
	w.count("width", int64(m.Width))
	w.count("height", int64(m.Height))
	if m.At != (Span{}) {
		w.key("at")
		w.b = append(w.b, '{')
		w.str("object", m.At.Object)
		w.num("offset", m.At.Offset)
		w.num("length", m.At.Length)
		w.b = append(w.b, '}')
	}
	w.str("missing", m.Missing)
	w.b = append(w.b, '}')
}

// count writes a number, unless it is 0.
func (w *lineWriter) count(k string, v int64) {
	if v != 0 {
		w.num(k, v)
	}
}

func (r *reader) kept() *KeptMedia {
	var m KeptMedia
	r.object(func(key string) {
		switch key {
		case "id":
			m.ID = r.str()
		case "url":
			m.URL = r.str()
		case "sha256":
			m.SHA256 = r.str()
		case "type":
			m.Type = r.str()
		case "size":
			m.Size = r.int64()
		case "width":
			m.Width = r.int()
		case "height":
			m.Height = r.int()
		case "at":
			r.object(func(key string) {
				switch key {
				case "object":
					m.At.Object = r.str()
				case "offset":
					m.At.Offset = r.int64()
				case "length":
					m.At.Length = r.int64()
				default:
					r.skip()
				}
			})
		case "missing":
			m.Missing = r.str()
		default:
			r.skip()
		}
	})
	return &m
}
