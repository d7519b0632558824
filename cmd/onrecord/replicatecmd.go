// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

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
		if err := checkReplicaURL(f.to); err != nil {
			return err
		}
		list = []*replica{h.copies.find(h, f.to)}
	}
	if len(list) == 0 {
		return &failure{status: exitConfig, hint: "name them under storage.replicas, or one with --to URL", err: errors.New("the configuration names no replica")}
	}
	if _, err := h.archive.Head(ctx); err != nil {
		return err // of the archive, and not of a replica
	}
	var errs []error
	here, there := 0, 0
	for _, r := range list {
		bar := e.progress("replicating to " + r.name())
		done, err := r.replicate(ctx, archive.ReplicateOptions{All: f.all, Progress: bar.set})
		bar.done()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		here, there = here+len(done.Here), there+len(done.There)
		if err := e.told(r, done, f.all, err); err != nil {
			return err
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("replica %s: %w", r.name(), err))
		}
	}
	return replicateFailure(errs, here, there)
}

// What to do about what is damaged in a replica.
const damagedThere = "remove a damaged object of a replica by hand: onrecord replicate puts it again; where that does not do, give an empty place"

// replicateFailure makes one failure of what went wrong with the replicas: errs,
// and how much is damaged in the archive and in them.
func replicateFailure(errs []error, here, there int) error {
	if here+there == 0 && len(errs) == 0 {
		return nil
	}
	var hints []string
	if here > 0 {
		hints = append(hints, "onrecord verify --repair puts the archive right from a replica")
	}
	code, hint := replicaStatus(errors.Join(errs...))
	if there > 0 || code == exitMismatch && hint == repairHint {
		hints = append(hints, damagedThere)
	} else if hint != "" {
		hints = append(hints, hint)
	}
	if here+there > 0 {
		code = exitMismatch
		errs = append([]error{fmt.Errorf("replicating found %s", count(here+there, "mismatch", "mismatches"))}, errs...)
	}
	return &failure{status: code, hint: strings.Join(hints, "; "), err: errors.Join(errs...)}
}

// checkReplicaURL refuses what is no place for a replica.
func checkReplicaURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err == nil && (u.Scheme == "file" || u.Scheme == "s3"):
		return nil
	case err == nil && u.Scheme == "" && !strings.Contains(address, "://"):
		path, err := filepath.Abs(address)
		if err != nil {
			path = address
		}
		return usagef("%q is no replica: file:///folder or s3://bucket/prefix?endpoint=…; did you mean %s?", address, (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String())
	}
	return usagef("%q is no replica: file:///folder or s3://bucket/prefix?endpoint=…", address)
}

// told prints what became of a replica.
func (e *env) told(r *replica, done archive.Copied, all bool, failed error) error {
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
	_, err := fmt.Fprintf(e.io.out, "%s: %s\n", r.name(), copiedWords(done, all))
	return err
}

// copiedWords says what was copied, and whether the replica is whole now.
func copiedWords(done archive.Copied, all bool) string {
	put := fmt.Sprintf("%s, %s", count(int(done.Objects), "object", "objects"), bytesOf(done.Bytes))
	entries := count(int(done.Size), "entry", "entries")
	words := "up to date, " + entries
	if len(done.Here)+len(done.There) > 0 {
		words = "not as it must be: " + count(len(done.Here)+len(done.There), "mismatch", "mismatches") + " in " + entries
	}
	switch {
	case done.Size > done.From:
		words = fmt.Sprintf("%d of %s copied (%s)", done.Size-done.From, entries, put)
	case all && done.Objects == 0 && len(done.Here)+len(done.There) > 0:
		words += "; everything compared"
	case all && done.Objects == 0:
		words += "; everything compared, nothing was missing"
	case all:
		words += fmt.Sprintf("; everything compared, %s put back (%s)", count(int(done.Objects), "object", "objects"), bytesOf(done.Bytes))
	case done.Objects > 0:
		words += "; put what was missing: " + put
	}
	if done.Erased > 0 {
		words += fmt.Sprintf(", erased in %d", done.Erased)
	}
	if done.Missing > 0 {
		words += fmt.Sprintf("; %s not whole, since the archive lacks objects of them", count(done.Missing, "visit is", "visits are"))
	}
	return words
}
