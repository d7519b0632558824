// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"onrecord/archive"
	"onrecord/ingest"
)

// TestImportOfMuchEvidence: what is kept of an import is spread over visits, so that
// none has more than an object may have: captures of its own as well as many files.
func TestImportOfMuchEvidence(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprintf("kept=%t", kept), func(t *testing.T) {
			t.Parallel()
			_, _, srv, _, h, in := press(t)
			defer srv.Close()
			files, bytes := fstest.MapFS{}, 0
			for n := range 12 {
				data := lines(1000*n, 90)
				data = append(data, fmt.Sprintf("%d %s\n", 1000*n+99, strings.Repeat("long ", 4000))...)
				files[fmt.Sprintf("%02d.txt", n)] = &fstest.MapFile{Data: data}
				bytes += len(data)
			}
			rep, err := in.Import(t.Context(), in.Sources[0], invented{kept: kept}, files, ingest.ImportOptions{Captures: most})
			if err != nil {
				t.Fatal(err)
			}
			if rep.Created != 12*91 || rep.Visits < bytes/most || rep.Visits > 8 {
				t.Errorf("%+v, of %d bytes", rep, bytes)
			}
			if n, _ := created(t, h); len(n) != 12*91 {
				t.Errorf("%d statements", len(n))
			}
			if rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 || rep.Records != rep.Objects+12 {
				t.Errorf("%+v, %v", rep, err)
			}
		})
	}
}
