// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"onrecord/archive"
)

// A replicateFlags holds the flags of `replicate`.
type replicateFlags struct {
	to  string
	all bool
}

func newReplicate(e *env) *cobra.Command {
	var f replicateFlags
	cmd := &cobra.Command{
		Use:   "replicate",
		Short: "Bring the replicas of the bucket up to date",
		Long: `Copies to each replica of the configuration (storage.replicas) what is new since it
was last brought up to date: the objects that the ledger names, then its tiles,
then its checkpoint. Each object is compared with its SHA-256 while it is copied,
and read back. Nothing in a replica is ever replaced, but where an erasure orders
it. "onrecord serve" does so all the time; this command may run beside it.

A replica is an empty folder or bucket, or one that was filled before. It holds
everything but the states of the sources: "onrecord adopt" makes an archive of it.

Exit status 5: something in the archive, or in a replica, is not as it must be;
13: a replica does not answer.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runReplicate(cmd.Context(), e, f) },
	}
	cmd.Flags().StringVar(&f.to, "to", "", "only this replica: its `URL` in the configuration, or another one, with credentials from the environment")
	cmd.Flags().BoolVar(&f.all, "all", false, "compare everything from the beginning, and put what a replica has lost")
	return cmd
}

// A replicated is what became of one replica, as --json prints it.
type replicated struct {
	Replica string        `json:"replica"`
	From    int64         `json:"from"`
	Size    int64         `json:"size"`
	Visits  int64         `json:"visits"`
	Objects int64         `json:"objects"`
	Bytes   int64         `json:"bytes"`
	Erased  int64         `json:"erased"`
	Missing int           `json:"missing"`
	Here    []findingJSON `json:"damaged_here"`
	There   []findingJSON `json:"damaged_there"`
	Error   string        `json:"error,omitempty"`
}

// A findingJSON is a finding as --json prints it.
type findingJSON struct {
	Kind   string `json:"kind"`
	Object string `json:"object"`
	Offset int64  `json:"offset"`
	Index  int64  `json:"log_index"`
	Reason string `json:"reason"`
}

func findingsJSON(list []archive.Finding) []findingJSON {
	out := make([]findingJSON, len(list))
	for i, f := range list {
		out[i] = findingJSON(f)
	}
	return out
}

func runReplicate(ctx context.Context, e *env, f replicateFlags) error {
	h, err := e.open(ctx, recordOnly)
	if err != nil {
		return err
	}
	defer h.close()
	list := h.copies.list
	if f.to != "" {
		list = []*replica{h.copies.find(h, f.to)}
	}
	if len(list) == 0 {
		return &failure{status: exitConfig, hint: "name them under storage.replicas, or one with --to URL", err: errors.New("the configuration names no replica")}
	}
	var errs []error
	mismatches := 0
	for _, r := range list {
		bar := e.progress("replicating to " + r.name())
		done, err := r.replicate(ctx, archive.ReplicateOptions{All: f.all, Progress: bar.set})
		bar.done()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		mismatches += len(done.Here) + len(done.There)
		if err := e.told(r, done, err); err != nil {
			return err
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("replica %s: %w", r.name(), err))
		}
	}
	if mismatches > 0 {
		errs = append([]error{&failure{status: exitMismatch, hint: "onrecord verify --repair puts the archive right from a replica; a damaged object of a replica is removed by hand, and replicate --all puts it again",
			err: fmt.Errorf("replicating found %s", count(mismatches, "mismatch", "mismatches"))}}, errs...)
	}
	return errors.Join(errs...)
}

// told prints what became of a replica.
func (e *env) told(r *replica, done archive.Copied, failed error) error {
	out := replicated{
		Replica: r.name(), From: done.From, Size: done.Size, Visits: done.Visits, Objects: done.Objects, Bytes: done.Bytes,
		Erased: done.Erased, Missing: done.Missing, Here: findingsJSON(done.Here), There: findingsJSON(done.There),
	}
	if failed != nil {
		out.Error = failed.Error()
	}
	if e.json {
		return e.print(out, "")
	}
	for _, f := range done.Here {
		fmt.Fprintf(e.io.out, "not copied, damaged here: %s\n", plain(findingLine(f)))
	}
	for _, f := range done.There {
		fmt.Fprintf(e.io.out, "left alone, damaged there: %s\n", plain(findingLine(f)))
	}
	if failed != nil {
		return nil // reported at the end
	}
	words := fmt.Sprintf("%s, %s", count(int(done.Objects), "object", "objects"), bytesOf(done.Bytes))
	if done.Erased > 0 {
		words += fmt.Sprintf(", erased in %d", done.Erased)
	}
	if done.Missing > 0 {
		words += fmt.Sprintf("; %s not whole, since the archive lacks objects of them", count(done.Missing, "visit is", "visits are"))
	}
	_, err := fmt.Fprintf(e.io.out, "%s: %d of %d entries copied (%s)\n", r.name(), done.Size-done.From, done.Size, words)
	return err
}
