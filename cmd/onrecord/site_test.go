// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"html"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"onrecord/archive/ledger"
)

// TestPagesPrintTheKeyInForce: a serving process tells strangers the key that
// signs the ledger, also after another process has changed it.
func TestPagesPrintTheKeyInForce(t *testing.T) {
	t.Parallel()
	m := newMachines(t, 1, "      []\n")[0]
	h := openAt(t, m, reading)
	defer h.close()
	in, err := h.ingester()
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.newSite(in, new(atomic.Pointer[string]))
	if err != nil {
		t.Fatal(err)
	}
	prints := func(key string) bool {
		for _, path := range []string{"/about", "/status"} {
			w := httptest.NewRecorder()
			s.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			if !strings.Contains(html.UnescapeString(w.Body.String()), key) {
				return false
			}
		}
		return true
	}
	before := h.keyToGive()
	if !prints(before) {
		t.Errorf("the pages do not print %s", before)
	}
	secret, after, _, err := ledger.GenerateKeys(nil, "archive.example/log")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.cfg.StateDir, keyFile), []byte(secret+"\n"), 0o600); err != nil { // as ledger key rotate does
		t.Fatal(err)
	}
	if err := s.renew(); err != nil {
		t.Fatal(err)
	}
	if !prints(after) || prints(before) {
		t.Errorf("the pages do not print %s, which is in the place of %s", after, before)
	}
}
