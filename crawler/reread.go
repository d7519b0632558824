// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawler

import (
	"fmt"

	"onrecord"
)

// Reread reads one recorded exchange of a visit again, apart from the visit it
// was part of: body is the answer without its content coding, page what the
// door sees in it. It is for whoever looks for what a capture shows. A body that
// can't be decoded is the payload as it was received. Without a door, for an
// exchange that no visit loop made, and for one whose payload is kept elsewhere
// (a revisit) the page is empty, and err says why there is none.
func Reread(d Door, t Target, x onrecord.Exchange, l Limits) (body []byte, page Page, err error) {
	a := &answer{x: x}
	r := &recorded{limits: l.withDefaults()}
	if err := r.decode(a); err != nil || a.body == nil {
		a.body = x.Payload
	}
	if d == nil {
		return a.body, Page{}, fmt.Errorf("%s: no door reads it", x.URL)
	}
	if a.note, err = parseNote(x.Note); err != nil {
		return a.body, Page{}, fmt.Errorf("%s: %w", x.URL, err)
	}
	if a.note.What != noteVisit || a.header == nil {
		return a.body, Page{}, fmt.Errorf("%s: %w", x.URL, errNotRecorded)
	}
	page, err = d.Read(t, Capture{Request: a.note.Request, URL: x.URL, Status: x.Status, Header: a.header, Body: a.body, At: x.Done})
	return a.body, page, err
}
