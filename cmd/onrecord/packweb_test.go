// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"testing"

	"onrecord"
	"onrecord/internal/flight"
	"onrecord/web"
)

// TestPackagesAreBounded: while packages take their time, four wait, and the next
// is refused at once; one that is kept is served.
func TestPackagesAreBounded(t *testing.T) {
	t.Parallel()
	m := newMediaSite(t)
	m.items(mediaItem{"a"}, mediaItem{"b"})
	m.visit(t)
	p := newPackages(m.h.packer())
	var ids []onrecord.StatementID
	for e, err := range m.h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == onrecord.StatementCreated {
			ids = append(ids, e.Event.Statement)
		}
	}
	if len(ids) != 2 {
		t.Fatal(ids)
	}
	kept, err := p.Package(t.Context(), ids[0])
	if err != nil || len(kept.Body) == 0 {
		t.Fatal(err)
	}
	end, results := make(chan struct{}), make(chan error, 50)
	for i := range cap(results) {
		go func() {
			_, err := p.made.Do(context.Background(), packageName{plan: [32]byte{byte(i)}}, func(context.Context) (web.Package, error) {
				<-end
				return web.Package{}, nil
			})
			results <- err
		}()
	}
	const within = packagesAtOnce + packagesWaiting
	for range cap(results) - within {
		if err := <-results; !errors.Is(err, flight.ErrBusy) {
			t.Fatal(err)
		}
	}
	if _, err := p.Package(t.Context(), ids[1]); !errors.Is(err, onrecord.ErrBusy) {
		t.Errorf("beyond those that wait: %v", err)
	}
	if k, err := p.Package(t.Context(), ids[0]); err != nil || k.SHA256 != kept.SHA256 {
		t.Errorf("one that is kept: %v", err)
	}
	close(end)
	for range within {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if k, err := p.Package(t.Context(), ids[1]); err != nil || len(k.Body) == 0 {
		t.Errorf("later: %v", err)
	}
}
