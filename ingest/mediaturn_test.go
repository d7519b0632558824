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
	away    time.Duration // until when the record takes nothing
	tries   int           // while it took nothing
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
	if time.Since(m.begin) < m.away {
		m.tries++
		return ingest.Report{Source: s.ID, Outcome: onrecord.OutcomeOK, Index: -1, Spooled: true}, nil
	}
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

// While the record takes nothing, attachments are asked for once a minute, and
// fetched soon after.
func TestMediaWhileTheRecordIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, m := newPlatform(time.Second), &mediaHall{begin: time.Now(), away: 30 * time.Minute}
		runWith(t, p, time.Hour, func(r *ingest.Runner) { r.Media = m }, ingest.Source{ID: "a"})
		if m.tries == 0 || m.tries > 31 {
			t.Errorf("%d tries within half an hour", m.tries)
		}
		if len(m.fetched) != 1 || m.fetched[0] > 32*time.Minute {
			t.Errorf("fetched at %v", m.fetched)
		}
	})
}
