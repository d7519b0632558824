// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package witness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"onrecord/archive/ledger"
)

// ask asks each witness whose turn it is to cosign the published checkpoint, all
// at once, and appends what they answer to it, as it comes.
func (g *Gatherer) ask(ctx context.Context) error {
	if len(g.members) == 0 {
		return nil
	}
	select {
	case g.round <- struct{}{}:
		defer func() { <-g.round }()
	case <-ctx.Done():
		return ctx.Err()
	}
	g.mu.Lock()
	log := g.log
	g.mu.Unlock()
	point, err := log.Checkpoint(ctx)
	if err != nil || point.Size == 0 {
		return err // there is nothing to say of an empty ledger
	}
	origin, _, _ := strings.Cut(string(point.Note), "\n")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for _, m := range g.due(origin, point) {
		wg.Go(func() {
			if err := g.askOne(ctx, log, m, point); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, g.keep())...)
}

// due returns the witnesses that are to be asked for point.
func (g *Gatherer) due(origin string, point ledger.Checkpoint) []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.o.Now()
	var list []*member
	for _, m := range g.members {
		if m.Origin != origin {
			m.Status = Status{Name: m.Name, Key: m.Key, URL: m.URL, Origin: origin, Err: m.Err, Since: m.Since}
			m.has = 0
		}
		_, has := CosignedAt(point.Note, m.client.key)
		asked := m.asked && m.Size == point.Size && has
		if !asked && !now.Before(m.back) {
			list = append(list, m)
		}
	}
	return list
}

// askOne asks one witness. What it says is noted; an error is of the ledger.
func (g *Gatherer) askOne(ctx context.Context, log Log, m *member, point ledger.Checkpoint) error {
	g.mu.Lock()
	has := m.has
	g.mu.Unlock()
	got, has, err := m.client.addCheckpoint(ctx, has, point)
	g.note(ctx, m, point, got, has, err)
	if err != nil {
		return nil
	}
	if _, err := log.AddSignatures(ctx, point, got.line); err != nil {
		return fmt.Errorf("cosignature of %s: %w", m.Name, err)
	}
	return nil
}

// note keeps what a witness answered, and says so once where it changes.
func (g *Gatherer) note(ctx context.Context, m *member, point ledger.Checkpoint, got cosigned, has int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.o.Now()
	m.asked = true
	if has >= 0 {
		m.has, m.Seen = has, max(m.Seen, has)
	}
	if err == nil {
		if m.Err != "" {
			g.o.Log.InfoContext(ctx, "a witness cosigns again", "witness", m.Name, "url", m.URL)
		}
		m.Size, m.At, m.Other, m.Err, m.Since, m.step, m.back = point.Size, got.at, false, "", time.Time{}, 0, time.Time{}
		return
	}
	other := errors.Is(err, ErrInconsistent)
	if m.Err == "" || other != m.Other {
		g.o.Log.WarnContext(ctx, "a witness does not cosign", "witness", m.Name, "url", m.URL, "size", point.Size, "err", err)
	}
	if m.Since.IsZero() {
		m.Since = now.UTC().Truncate(time.Second)
	}
	m.Other, m.Err = other, err.Error()
	m.step = min(max(2*m.step, leastBack), mostBack)
	m.back = now.Add(m.step)
}

// A stateFile is what a gatherer keeps.
type stateFile struct {
	V         int      `json:"v"`
	Witnesses []Status `json:"witnesses"`
}

// keep writes the state file. It need not be durable: all of it can be asked
// for again.
func (g *Gatherer) keep() error {
	if g.o.State == "" {
		return nil
	}
	b, err := json.MarshalIndent(stateFile{V: 1, Witnesses: g.Status()}, "", "  ")
	if err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.%d.tmp", g.o.State, os.Getpid())
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return os.Rename(tmp, g.o.State)
}

// ReadState returns what the last gatherer kept at path; nothing where there is
// no such file, or one that can't be read.
func ReadState(path string) []Status {
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var f stateFile
	if json.Unmarshal(b, &f) != nil || f.V != 1 {
		return nil
	}
	return f.Witnesses
}
