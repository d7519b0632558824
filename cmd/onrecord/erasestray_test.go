// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"onrecord"
)

// TestStraysTellNothing: a visit that lost its fence has put captures and a segment
// under a name that is in no ledger. What they show is withheld and erased with the
// statement, though nothing names them.
func TestStraysTellNothing(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"withhold", "erase"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			s := &erasable{}
			srv := httptest.NewServer(s)
			t.Cleanup(srv.Close)
			m := newMachines(t, 1, fmt.Sprintf("      - {id: masto, platform: mastodon, account: \"@jane@social.example\", schedule: \"@hourly\", doors: [{kind: api, base_url: %q}]}\n", srv.URL))[0]
			t.Run("a visit that loses its fence", func(t *testing.T) {
				h := openAt(t, m, writing)
				in, err := h.ingester()
				if err != nil {
					t.Fatal(err)
				}
				applying(t, h)
				in.Record = &meanwhile{in.Record, sync.OnceFunc(func() { m.run(t, "crawl", "masto") })}
				if rep, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || !rep.Late {
					t.Fatalf("%+v, %v", rep, err)
				}
			})
			bucket := filepath.Join(filepath.Dir(m.config), "bucket")
			strayCapture(t, bucket)
			id := string(onrecord.NewStatementID("mastodon", "https://social.example/users/jane/statuses/"+secretID))
			secrets := map[string]string{"wording": secretWords, "local id": secretID}
			if how == "erase" {
				m.run(t, "erase", id, "--case", "T-1", "--yes-erase", id)
				if hits := seek(t, bucket, secrets); len(hits) > 0 {
					t.Errorf("there is still:\n%s", strings.Join(hits, "\n"))
				}
			} else {
				m.run(t, "withhold", id, "--ground", "policy", "--case", "T-1", "--reason", "personal data")
			}
			m.run(t, "verify")
			h := openAt(t, m, reading)
			defer h.close()
			in, err := h.ingester()
			if err != nil {
				t.Fatal(err)
			}
			site, err := h.website(in, new(atomic.Pointer[string]))
			if err != nil {
				t.Fatal(err)
			}
			served := filepath.Join(t.TempDir(), "served")
			err = fs.WalkDir(os.DirFS(bucket), ".", func(key string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				w := httptest.NewRecorder()
				site.ServeHTTP(w, httptest.NewRequest("GET", "/record/"+key, nil))
				if w.Code != 200 {
					return nil
				}
				file := filepath.Join(served, filepath.FromSlash(key))
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					return err
				}
				return os.WriteFile(file, w.Body.Bytes(), 0o600)
			})
			if err != nil {
				t.Fatal(err)
			}
			if hits := seek(t, served, secrets); len(hits) > 0 {
				t.Errorf("strangers get:\n%s", strings.Join(hits, "\n"))
			}
		})
	}
}

// strayCapture puts a copy of captures under the name of a visit that never came into
// the ledger.
func strayCapture(t *testing.T, bucket string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(bucket, "captures", "*", "*", "*", "*.warc.gz"))
	if err != nil || len(all) == 0 {
		t.Fatalf("%d captures, %v", len(all), err)
	}
	b, err := os.ReadFile(all[0])
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(all[0]), "01m00000000000000000000000.warc.gz"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
