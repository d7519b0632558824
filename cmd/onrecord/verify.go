// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"onrecord/archive"
	"onrecord/archive/ledger"
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
	if err := h.checkMark(ctx); err != nil && !isMismatch(err) {
		if len(rep.Findings) == 0 {
			return err
		} // else what keeps the mark from being compared is among the findings
	} else if err != nil {
		rep.Findings = append(rep.Findings, archive.Finding{Kind: "ledger", Object: ledger.HeadKey, Offset: -1, Index: -1, Reason: "this machine once signed more, or other, than the bucket shows now: " + err.Error()})
	}
	if e.json {
		if err := e.print(verifyJSON(rep), ""); err != nil {
			return err
		}
	} else {
		for _, f := range rep.Findings {
			fmt.Fprintln(e.io.out, findingLine(f))
		}
		fmt.Fprintf(e.io.out, "%d leaves, %d visits, %d lines, %d objects, %d records, %d bytes: %s\nroot %s\n",
			rep.Size, rep.Visits, rep.Lines, rep.Objects, rep.Records, rep.Bytes, count(len(rep.Findings), "mismatch", "mismatches"), rep.Root)
		fmt.Fprintf(e.io.out, "checked with %s\n", h.keyWords())
	}
	if n := len(rep.Findings); n > 0 {
		return &failure{
			status: exitMismatch, hint: "keep a copy of the bucket as it is before you change anything",
			err: fmt.Errorf("verification found %s", count(n, "mismatch", "mismatches")),
		}
	}
	return nil
}

// keyWords says which key a verification rests on: one that did not come from
// the bucket proves more.
func (h *house) keyWords() string {
	if h.key.verifier != nil {
		return "the key of this machine's log.key, " + h.archive.Meta().PublicKey
	}
	return "the key that the bucket itself names, " + h.archive.Meta().PublicKey + ": compare it with one that you have from elsewhere"
}

// count words a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
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
