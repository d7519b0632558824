// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"onrecord"
)

// settle takes away the suspects that erasures account for, and finds erasures
// that are said to be done and are not.
func (v *verification) settle(ctx context.Context, size int64) error {
	if v.o.Parts == 1 && len(v.acts) == 0 && !slices.ContainsFunc(v.suspects, func(s suspect) bool { return s.unless != nil }) {
		return nil
	}
	if err := v.vouch(ctx); err != nil {
		return err
	}
	r, err := v.redactions(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(v.suspects, func(s suspect) bool { return s.unless != nil && !s.unless(r) }) {
		if r, err = v.redactedSince(ctx, r); err != nil {
			return err
		}
	}
	touched := map[string]bool{} // objects in which something differs from what was committed
	v.suspects = slices.DeleteFunc(v.suspects, func(s suspect) bool {
		touched[s.Object] = true
		excused := s.unless != nil && s.unless(r)
		if excused && s.line {
			v.report.Erased++
		}
		return excused
	})
	if v.o.Parts > 1 {
		return v.erasedIn(ctx, r) // what is not in this part was not looked at
	}
	for key, o := range r.objects {
		_, hidden := v.hidden[key] // then its records were not all read
		switch {
		case r.keeps(key, o.Index): // whose store can't erase; said so by an event
			v.report.Kept++
		case r.done[o.Index] && !touched[key] && !hidden:
			// Its bytes are those before, or nobody has looked: the visit's segment is lost.
			if err := v.asErased(ctx, key, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// redactions returns the erasures: those that were met, where everything was
// read; else they are looked for. A ledger that can't be read for it knows none.
func (v *verification) redactions(ctx context.Context) (*Redactions, error) {
	if v.o.Parts > 1 {
		r, err := v.a.Redactions(ctx)
		if err != nil && !isAnswer(err) {
			return nil, outOfReach(err)
		}
		return r.upTo(v.trusted), nil
	}
	slices.SortFunc(v.acts, func(x, y onrecord.Event) int { return cmp.Compare(x.Index, y.Index) })
	r := (*Redactions)(nil).clone()
	for _, e := range v.acts {
		r.add(e)
	}
	return r, nil
}

// redactedSince adds to what erasures ordered what others did that were signed
// while everything was read. Whether those are carried out is not asked: objects
// may have been read before.
func (v *verification) redactedSince(ctx context.Context, r *Redactions) (*Redactions, error) {
	list, err := v.meanwhile(ctx)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(e onrecord.Event) bool { return e.Type != onrecord.StatementErased })
	if list, err = v.vouchedFor(ctx, list); err != nil {
		return nil, err
	}
	r = r.clone()
	for _, e := range list {
		r.add(e)
		delete(r.done, e.Index)
	}
	return r, nil
}

// kindAt returns the kind of the object under key.
func kindAt(key string) string {
	folder, _, _ := strings.Cut(key, "/")
	return map[string]string{"captures": KindCapture, "media": KindMedia, "journal": KindJournal}[folder]
}
