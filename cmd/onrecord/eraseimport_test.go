// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"testing/fstest"

	"onrecord"
	"onrecord/archive"
	"onrecord/ingest"
	"onrecord/internal/repotest"
)

// TestEraseAndImport: a file that holds a statement that was erased is imported
// without it, and redacted before it is put, though the statement stands at the
// end of it, visits later.
func TestEraseAndImport(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	for name, imp := range map[string]invented{"files": {}, "parts": {kept: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, srv, _, h, in := press(t)
			defer srv.Close()
			load := func(text string) ingest.ImportReport {
				rep, err := in.Import(t.Context(), in.Sources[0], imp, fstest.MapFS{"a.txt": {Data: []byte(text)}}, ingest.ImportOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return rep
			}
			const said = "umbrella-9977 " + secretWords + ".\n"
			load("1 What was said first.\n" + said)
			id := onrecord.NewStatementID("website", "https://a.example/umbrella-9977")
			st, err := h.catalog.Statement(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			r := eraseRequest{down: onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundPolicy, Reason: "personal data"}}
			if err := r.erase(t.Context(), h, st); err != nil {
				t.Fatal(err)
			}
			secrets := map[string]string{"wording": secretWords, "native id": "umbrella-9977"}
			bucket := strings.TrimPrefix(h.cfg.Storage.URL, "file://")
			if hits := seek(t, bucket, secrets); len(hits) > 0 {
				t.Fatalf("after the erasure: %q", hits)
			}
			rep := load(string(lines(100, 5000)) + said + string(lines(6000, 10)))
			if rep.Created != 5010 || rep.Visits < 2 {
				t.Errorf("%+v", rep)
			}
			if hits := seek(t, bucket, secrets); len(hits) > 0 {
				t.Errorf("imported again: %q", hits)
			}
			v, err := h.archive.Verify(t.Context(), archive.VerifyOptions{})
			if err != nil || len(v.Findings) > 0 || v.Redacted < 2 {
				t.Errorf("%d redacted, %+v, %v", v.Redacted, v.Findings, err)
			}
		})
	}
}

// TestWithheldAndImport: a file that shows a withheld statement is imported, and
// served to nobody while that is withheld, though the statement stands at its end,
// visits later; what tells nothing of it is served.
func TestWithheldAndImport(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	for name, imp := range map[string]invented{"files": {}, "parts": {kept: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, w, srv, _, h, in := press(t)
			defer srv.Close()
			load := func(text string) {
				if _, err := in.Import(t.Context(), in.Sources[0], imp, fstest.MapFS{"a.txt": {Data: []byte(text)}}, ingest.ImportOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			const said = "umbrella-9977 " + secretWords + ".\n"
			load("1 What was said first.\n" + said)
			id := onrecord.NewStatementID("website", "https://a.example/umbrella-9977")
			decide := func(kind onrecord.EventType) {
				st, err := h.catalog.Statement(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				found, err := h.shows(t.Context(), st, nil, h.journal(t.Context()))
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := h.act(t.Context(), func() (*onrecord.Event, error) {
					e := h.takedownEvent(kind, st, onrecord.Takedown{Case: "T-1", Ground: onrecord.GroundPolicy, Reason: "personal data"})
					if kind == onrecord.StatementWithheld {
						e.Erasure = &onrecord.Erasure{Leaves: found.told, Records: found.records}
					}
					return e, nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			decide(onrecord.StatementWithheld)
			load(string(lines(100, 5000)) + said + string(lines(6000, 10)))
			load("2 Nothing of it.\n")
			m := machine{w.at.config}
			if n, told := servedParts(t, m); n < 3 || len(told) > 0 {
				t.Errorf("%d objects; these tell: %q", n, told)
			}
			if told := toldByLines(t, m); len(told) > 0 {
				t.Errorf("the lines %v tell", told)
			}
			if v, err := h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(v.Findings) > 0 {
				t.Errorf("%+v, %v", v.Findings, err)
			}
			decide(onrecord.StatementUnwithheld)
			if _, told := servedParts(t, m); len(told) < 2 {
				t.Errorf("shown again, only %q tell", told)
			}
		})
	}
}
