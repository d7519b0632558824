// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ingest_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"onrecord"
	"onrecord/ingest"
)

// A mediaHall has attachments of source a at a host from a while on, until they
// are fetched.
type mediaHall struct {
	mu      sync.Mutex
	begin   time.Time
	named   time.Duration // when an import names them
	fetched []time.Duration
}

func (m *mediaHall) MediaTurns(_ context.Context, s ingest.Source) ([]ingest.MediaTurn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.ID != "a" || time.Since(m.begin) < m.named || len(m.fetched) > 0 {
		return nil, nil
	}
	return []ingest.MediaTurn{{Host: "cdn.example:443", At: time.Now()}}, nil
}

func (m *mediaHall) FetchMedia(_ context.Context, s ingest.Source, host string) (ingest.Report, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.ID == "a" && host == "cdn.example:443" {
		m.fetched = append(m.fetched, time.Since(m.begin))
	}
	return ingest.Report{Source: s.ID, Outcome: onrecord.OutcomeOK, Index: -1}, nil
}

// Attachments of a source without doors, which an import of another process has
// named, are found within the hour, and fetched once.
func TestMediaOfImports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, m := newPlatform(time.Second), &mediaHall{begin: time.Now(), named: 90 * time.Minute}
		ctx, cancel := context.WithCancel(t.Context())
		r := runner(p, newLine(), ingest.Source{ID: "a"})
		r.Media = m
		done := make(chan error)
		go func() { done <- r.Run(ctx, t.Context()) }()
		time.Sleep(4 * time.Hour)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if !slices.Equal(m.fetched, []time.Duration{2 * time.Hour}) {
			t.Errorf("fetched at %v", m.fetched)
		}
	})
}
