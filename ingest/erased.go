// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest

import (
	"context"
	"fmt"
	"slices"

	"onrecord"
	"onrecord/change"
)

// nameless takes out of events of erased statements what tells which they are:
// they are known by their id only (record.md 5).
func nameless(events []onrecord.Event, known change.Known) {
	for i, e := range events {
		if e.Statement == "" || !known.Statements[e.Statement].Erased {
			continue
		}
		e.NativeID, e.LocalID, e.URL, e.Aliases, e.Order, e.Version, e.Content = "", "", "", nil, "", "", nil
		events[i] = e
	}
}

// showErased returns the captures of a visit that show erased statements.
func showErased(platform string, seen []onrecord.Seen, known change.Known) map[onrecord.StatementID][]onrecord.CaptureRef {
	var found map[onrecord.StatementID][]onrecord.CaptureRef
	add := func(native string, c onrecord.CaptureRef) {
		if native == "" {
			return
		}
		id := onrecord.NewStatementID(platform, native)
		if !known.Statements[id].Erased || slices.Contains(found[id], c) {
			return
		}
		if found == nil {
			found = map[onrecord.StatementID][]onrecord.CaptureRef{}
		}
		found[id] = append(found[id], c)
	}
	for _, s := range seen {
		add(s.About.NativeID, s.Capture)
		for _, o := range s.Items {
			add(o.NativeID, s.Capture)
		}
	}
	return found
}

// eraseAgain has the captures of a committed visit redacted that show erased
// statements.
func (i *Ingester) eraseAgain(ctx context.Context, platform string, seen []onrecord.Seen, known change.Known) error {
	if i.Erase == nil {
		return nil
	}
	for id, captures := range showErased(platform, seen, known) {
		if err := i.Erase(ctx, id, captures); err != nil {
			return fmt.Errorf("committed, and evidence that shows the erased statement %s is not redacted yet: %w", id, err)
		}
	}
	return nil
}
