// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"onrecord"
	"onrecord/catalog"
)

// TestDamagedRows changes bytes of stored rows: reading them may fail, with
// ErrRebuild, and may tell another number, but it ends, and without a panic.
func TestDamagedRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	c, l := open(t, path), &ledger{}
	created := said(onrecord.StatementCreated, "17", "A text that is long enough to be cut", noon)
	created.Extra = map[string]any{"later": "key"}
	created.Aliases = []string{"16"}
	edited := said(onrecord.StatementEdited, "17", "Another text", noon.Add(time.Minute))
	apply(t, c, l.visit(noon, "masto", created, edited)...)
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	failures := 0
	for _, table := range []string{"statements", "versions", "events", "captures", "sources"} {
		var whole []byte
		if err := db.QueryRow(`SELECT doc FROM ` + table + ` LIMIT 1`).Scan(&whole); err != nil {
			t.Fatal(err)
		}
		for range 150 {
			bad := append([]byte{}, whole...)
			for range 1 + r.IntN(3) {
				bad[r.IntN(len(bad))] = byte(r.Uint32())
			}
			if r.IntN(4) == 0 {
				bad = bad[:r.IntN(len(bad))]
			}
			if _, err := db.Exec(`UPDATE `+table+` SET doc = $1`, bad); err != nil {
				t.Fatal(err)
			}
			failures += read(t, c, seed)
		}
		if _, err := db.Exec(`UPDATE `+table+` SET doc = $1`, whole); err != nil {
			t.Fatal(err)
		}
	}
	if failures == 0 {
		t.Error("no damage was ever noticed")
	}
}

// read uses every way to read a row and counts those that fail.
func read(t *testing.T, c *catalog.Catalog, seed uint64) (failures int) {
	t.Helper()
	_, err1 := c.Statement(t.Context(), id("17"))
	_, err2 := c.Versions(t.Context(), id("17"))
	_, _, err3 := c.Events(t.Context(), -1, onrecord.EventFilter{}, 10)
	_, err4 := c.KnownSource(t.Context(), "masto")
	_, err5 := c.Known(t.Context(), "mastodon", "100", []onrecord.StatementID{id("17")})
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			failures++
		}
		if err != nil && !errors.Is(err, catalog.ErrRebuild) && !errors.Is(err, onrecord.ErrNotFound) {
			t.Errorf("seed %d: error %v, want ErrRebuild", seed, err)
		}
	}
	return failures
}
