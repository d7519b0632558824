// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"onrecord"
)

func newShow(e *env) *cobra.Command {
	withheld := false
	cmd := &cobra.Command{
		Use:   "show ID|URL",
		Short: "Show a statement, its wordings and its evidence",
		Long: `Shows one statement: its state with the window in which it changed, its text,
every wording, and where each is proven: captures, digests, ledger indexes.
Beside the id, the original address of an article or a post will do.

Of a statement that is withheld or erased it shows the decision. What was said, by
one that is withheld, is shown to the operator with --withheld, and to nobody else.

While the storage does not answer, it shows what the catalog of this machine has.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runShow(cmd.Context(), e, args[0], withheld) },
	}
	cmd.Flags().BoolVar(&withheld, "withheld", false, "of a statement that is withheld, what was said, too")
	return cmd
}

func runShow(ctx context.Context, e *env, arg string, withheld bool) error {
	h, err := e.openToRead(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	s, err := h.statementNamed(ctx, arg)
	if err != nil {
		return err
	}
	var versions []onrecord.Version
	var captures []onrecord.Evidence
	if s.Decision == nil {
		if versions, err = h.catalog.Versions(ctx, s.ID); err != nil {
			return err
		}
		if captures, err = h.catalog.Captures(ctx, s.ID); err != nil {
			return err
		}
	} else if withheld {
		if versions, err = h.catalog.Wordings(ctx, s.ID); err != nil {
			return err
		}
	}
	if e.json {
		return e.print(showJSON(s, versions, captures), "")
	}
	if s.Decision != nil {
		return printHidden(e, h, s, versions, withheld)
	}
	return printStatement(e, h, s, versions, captures)
}

// printHidden prints what there is to say of a statement that is not shown: why,
// and its wordings, where they are given.
func printHidden(e *env, h *house, s onrecord.Statement, wordings []onrecord.Version, asked bool) error {
	out := e.io.out
	fmt.Fprintf(out, "Archive copy by %s, not run by %s.\n\n", h.cfg.Archive.Name, s.Figure.Name)
	if wasErased(s) {
		fmt.Fprintf(out, "ERASED: the text and the evidence of this statement are gone for good.\n\n")
	} else {
		fmt.Fprintf(out, "WITHHELD: readers are not shown this statement, and find it nowhere.\n\n")
	}
	fmt.Fprintf(out, "%-10s %s\n%-10s %s, %s\n", "id", s.ID, "by", plain(s.Figure.Name), s.Platform)
	for _, d := range inForce(s) {
		fmt.Fprintf(out, "%-10s %s\n", "case", plain(d.Case))
		for _, row := range [][2]string{
			{"ground", string(d.Ground)}, {"category", d.Reason}, {"since", instant(d.Decided)}, {"decision", fmt.Sprintf("ledger no. %d", d.Index)},
		} {
			if row[1] != "" {
				fmt.Fprintf(out, "  %-8s %s\n", row[0], plain(row[1]))
			}
		}
	}
	fmt.Fprintf(out, "%-10s no. %d to %d\n", "ledger", s.LogIndex, s.LastIndex)
	switch {
	case wasErased(s):
		return nil
	case !asked:
		e.say("its text is in the archive: --withheld shows it; onrecord unwithhold %s --case CASE lifts a case", s.ID)
	}
	for _, v := range wordings {
		fmt.Fprintf(out, "\nwording %s, not for publication\n", v.ID)
		if v.Content.Title != "" {
			fmt.Fprintf(out, "%s\n", plain(v.Content.Title))
		}
		fmt.Fprintf(out, "%s\n", plain(v.Content.Text))
	}
	return nil
}

// printStatement prints a statement: the label and its state before its text.
func printStatement(e *env, h *house, s onrecord.Statement, versions []onrecord.Version, captures []onrecord.Evidence) error {
	out := e.io.out
	fmt.Fprintf(out, "Archive copy by %s, not run by %s.\n\n", h.cfg.Archive.Name, s.Figure.Name)
	fmt.Fprintf(out, "%s, %s on %s\n", s.Figure.Name, cmp.Or(s.Type, "statement"), s.Platform)
	fmt.Fprintf(out, "state      %s%s\n", stateWord(s), windowWords(s))
	if s.Provenance != onrecord.Captured && s.Provenance != "" {
		fmt.Fprintf(out, "origin     %s: this archive did not see it at its source\n", s.Provenance)
	}
	for _, row := range [][2]string{
		{"published", instant(s.PublishedAt) + " (claimed)"}, {"first seen", instant(s.FirstSeen)}, {"last seen", instant(s.LastSeen)},
		{"original", s.URL}, {"id", string(s.ID)}, {"version", string(s.Version)},
		{"ledger", fmt.Sprintf("no. %d to %d", s.LogIndex, s.LastIndex)},
	} {
		if row[1] != "" && row[1] != " (claimed)" {
			fmt.Fprintf(out, "%-10s %s\n", row[0], plain(row[1]))
		}
	}
	if s.Content.Title != "" {
		fmt.Fprintf(out, "\n%s\n", plain(s.Content.Title))
	}
	fmt.Fprintf(out, "\n%s\n", plain(s.Content.Text))
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "\nVERSION\tBEGAN\tLAST SEEN\tLEDGER\n")
	for _, v := range versions {
		began := v.Window.String()
		if v.Seen { // nobody says when another reading began
			began = "another reading, of " + instant(v.FirstSeen)
		}
		if !v.Changed.IsZero() {
			began += ", at " + instant(v.Changed) + " as the platform says"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", v.ID, began, instant(v.LastSeen), v.LogIndex)
	}
	fmt.Fprintf(w, "\nCAPTURED\tSTATUS\tEVIDENCE\tSHA-256\n")
	for _, c := range captures {
		fmt.Fprintf(w, "%s\t%d\t%s [%d, %d)\t%s\n", instant(c.At), c.Status, c.Object, c.Offset, c.Offset+c.Length, c.SHA256)
	}
	return w.Flush()
}

// windowWords words the window of a statement's state, where it has one.
func windowWords(s onrecord.Statement) string {
	if s.StateWindow.By.IsZero() {
		return ""
	}
	words := " " + s.StateWindow.String()
	if s.Grade != "" {
		words += ", evidence " + string(s.Grade)
	}
	if s.Reported != "" {
		words += ", reported by " + s.Reported
	}
	return words
}

// instant prints a time in UTC to the second; nothing for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
