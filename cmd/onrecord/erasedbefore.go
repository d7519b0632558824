// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"onrecord"
	"onrecord/ingest"
)

// wasErased reports whether an erasure of st is recorded.
func wasErased(st onrecord.Statement) bool {
	return st.Decision != nil && st.Decision.Type == onrecord.StatementErased
}

// before says that nothing is left to erase of st, and goes on with what earlier
// erasures have not carried out.
func (r eraseRequest) before(ctx context.Context, h *house, st onrecord.Statement) error {
	left, err := h.finishErasures(ctx)
	if err != nil {
		return fmt.Errorf("%s was erased before, case %s, and that is not carried out whole; the next start goes on with it: %w", st.ID, st.Decision.Case, err)
	}
	for _, line := range left {
		h.env.say("note: %s", line)
	}
	d := decided{Statement: st.ID, Case: st.Decision.Case, Index: st.Decision.Index, Message: "was erased before"}
	if r.back > 0 {
		d.Message += "; what had come back is erased anew"
		return h.env.print(d, "%s was erased before, case %s; %s again what was erased, as if put back from an older copy, and no more\n", st.ID, st.Decision.Case, count(r.back, "object held", "objects held"))
	}
	return h.env.print(d, "%s was erased before, case %s; nothing is left that shows it\n", st.ID, st.Decision.Case)
}

// again erases anew what somebody has put back since it was erased.
func (r *eraseRequest) again(ctx context.Context, h *house, st onrecord.Statement) (err error) {
	var left []string
	if r.back, left, err = h.eraseBack(ctx); err == nil && len(left) > 0 {
		err = errors.New(left[0])
	}
	if err != nil {
		return fmt.Errorf("%s was erased before, case %s: %w", st.ID, st.Decision.Case, err)
	}
	return nil
}

// traceOfErased returns what can be known of a statement that was erased: its
// id, those of its aliases, and what the operator calls it.
func (h *house) traceOfErased(ctx context.Context, st onrecord.Statement, arg string) (*ingest.Trace, error) {
	in, err := h.ingester()
	if err != nil {
		return nil, err
	}
	k := onrecord.Known{Statement: st.ID}
	if arg != string(st.ID) {
		k.Aliases = []string{arg}
	}
	if u, err := url.Parse(arg); err == nil && u.Host != "" {
		if last := path.Base(u.Path); len(last) >= minLast && strings.ContainsAny(last, "0123456789") {
			k.ID = last
		}
	}
	trace := ingest.NewTrace(st.Platform, k, nil, in.Limits)
	red, err := h.archive.Redactions(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range red.Erasures() {
		if o.Statement == st.ID {
			trace.Alias(o.Erasure.Also...)
		}
	}
	return trace, nil
}

// minLast is the shortest last part of an address that is looked for by itself,
// as an id: shorter ones are in everything.
const minLast = 8
