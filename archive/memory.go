// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"sync"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/spool"
)

// A memory is what this process last read of the bucket, from which visits are
// begun while it can't be reached (record.md 1.8).
type memory struct {
	mu      sync.Mutex
	size    int64                 // of the ledger; -1 unknown; guarded by mu
	sources map[string]remembered // guarded by mu
}

// A remembered is what is known of a source: its register with the tag, and
// the visit that still waits in the spool after it, if one does.
type remembered struct {
	reg   register
	tag   bucket.Tag
	known bool
	after onrecord.VisitID // the committed visit that reg is after, where its tag is not known
	waits onrecord.VisitID
}

func newMemory() *memory { return &memory{size: -1, sources: map[string]remembered{}} }

// read notes what was read of a source together with the ledger's size.
func (m *memory) read(source string, reg register, tag bucket.Tag, size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.sources[source]
	r.reg, r.tag, r.known, r.after = reg, tag, true, onrecord.VisitID{}
	m.sources[source] = r
	m.size = max(m.size, size)
}

// glimpse notes what was read of a source alone, if it is newer than what is
// known. The ledger's size at any moment is right for a visit begun later.
func (m *memory) glimpse(source string, reg register, tag bucket.Tag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.sources[source]
	if reg.N <= r.reg.N && (r.known || r.reg.N > 0) {
		return
	}
	own, err := cloned(reg.SourceState)
	if err != nil {
		return
	}
	reg.SourceState = own
	r.reg, r.tag, r.known, r.after = reg, tag, true, onrecord.VisitID{}
	m.sources[source] = r
}

// forget notes that what is known of the state of a source must not be gone on from.
func (m *memory) forget(source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.sources[source]
	r.known = false
	m.sources[source] = r
}

// moved notes that the state of a source is, or will be, the one after a visit that
// is in the ledger, which has that size; its register was not read.
func (m *memory) moved(source string, reg register, size int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.sources[source]
	r.reg, r.tag, r.known, r.after = reg, bucket.Tag{}, true, reg.By
	m.sources[source] = r
	m.size = max(m.size, size)
}

// recall returns what is known of a source, and the size of the ledger when it
// was last read.
func (m *memory) recall(source string) (remembered, int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sources[source], m.size
}

// unresolved notes that the visit of m waits in the spool: later visits of the
// source come after it. A visit that was taken over may have successors in the
// spool already, and is then not the one to come after.
func (m *memory) unresolved(of spool.Meta, taken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.sources[of.Source]
	if taken && !r.waits.IsZero() && r.waits != of.Predecessor {
		return
	}
	r.waits = of.Visit
	m.sources[of.Source] = r
}

// resolved notes that v, by the name of its spool, waits no more.
func (m *memory) resolved(source string, v onrecord.VisitID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.sources[source]; r.waits == v {
		r.waits = onrecord.VisitID{}
		m.sources[source] = r
	}
}

// givenUp notes that nothing waits for v, whose spool is damaged.
func (m *memory) givenUp(v onrecord.VisitID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for source, r := range m.sources {
		if r.waits == v {
			r.waits = onrecord.VisitID{}
			m.sources[source] = r
		}
	}
}
