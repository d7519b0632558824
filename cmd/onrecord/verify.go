// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"onrecord/archive"
)

func newVerify(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check everything: checkpoint, tiles, leaves, journal, captures",
		Long: `Reads the whole bucket and checks it from the signed checkpoint down: the tiles
against the root, the leaves against the tiles, the journal lines against the
leaves, the captures and each record in them against the journal. Exit status 5
says that something does not match; every mismatch is named, with its object,
offset and reason.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runVerify(cmd.Context(), e) },
	}
}

func runVerify(ctx context.Context, e *env) error {
	h, err := e.open(ctx, recordOnly)
	if err != nil {
		return err
	}
	defer h.close()
	bar := e.progress("verifying")
	rep, err := h.archive.Verify(ctx, archive.VerifyOptions{Progress: bar.set})
	bar.done()
	if err != nil {
		return err
	}
	if e.json {
		if err := e.print(verifyJSON(rep), ""); err != nil {
			return err
		}
	} else {
		for _, f := range rep.Findings {
			fmt.Fprintln(e.io.out, findingLine(f))
		}
		fmt.Fprintf(e.io.out, "%d leaves, %d visits, %d lines, %d objects, %d records, %d bytes: %d mismatches\nroot %s\n",
			rep.Size, rep.Visits, rep.Lines, rep.Objects, rep.Records, rep.Bytes, len(rep.Findings), rep.Root)
	}
	if len(rep.Findings) > 0 {
		return &failure{
			status: exitMismatch, hint: "keep a copy of the bucket as it is before you change anything",
			err: fmt.Errorf("verification found %d mismatches; the first: %s", len(rep.Findings), findingLine(rep.Findings[0])),
		}
	}
	return nil
}

// findingLine words a mismatch: what, where, why.
func findingLine(f archive.Finding) string {
	line := f.Kind + " " + f.Object
	if f.Offset >= 0 {
		line += fmt.Sprintf(" at byte %d", f.Offset)
	}
	if f.Index >= 0 {
		line += fmt.Sprintf(" (ledger no. %d)", f.Index)
	}
	return line + ": " + f.Reason
}
