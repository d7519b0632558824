// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"onrecord/archive/bucket"
	"onrecord/catalog"
	"onrecord/ingest"
)

func newRebuild(e *env) *cobra.Command {
	var incomplete bool
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the catalog anew from the record alone",
		Long: `Applies the whole journal to a new catalog and puts it in place of the old one
when it has reached the head of the ledger. It may run beside "onrecord serve",
which then reads the new file. Nothing in the bucket changes.

Lines of the journal that are lost or damaged are left out; "onrecord missing" lists
them. Where the catalog still has what they said it is left as it is, unless
--incomplete is given.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runRebuild(cmd.Context(), e, incomplete) },
	}
	cmd.Flags().BoolVar(&incomplete, "incomplete", false, "rebuild although lines of the journal are lost that the catalog still has")
	addTrust(cmd, e)
	return cmd
}

func runRebuild(ctx context.Context, e *env, incomplete bool) error {
	h, err := e.open(ctx, recordOnly)
	if err != nil {
		return err
	}
	defer h.close()
	if err := h.checkMark(ctx); err != nil && (!isMismatch(err) || errors.Is(err, bucket.ErrSum)) {
		return err
	} else if err != nil && !e.trust {
		return &failure{
			status: exitMismatch, hint: "put back a newer copy of the bucket; --trust-checkpoint rebuilds from this one all the same",
			err: fmt.Errorf("the bucket shows less, or other, than this machine once signed; the catalog is left as it is: %w", err),
		}
	}
	began := e.now()
	var check func(*catalog.Catalog) error
	if !incomplete {
		if check, err = h.keeps(ctx); err != nil {
			return err
		}
	}
	bar := e.progress("rebuilding")
	size, err := h.rebuildIf(ctx, h.catalogOptions(), bar.set, check)
	bar.done()
	if err != nil {
		return err
	}
	took := e.now().Sub(began)
	out := struct {
		Size    int64   `json:"size"`
		Seconds float64 `json:"seconds"`
	}{size, took.Seconds()}
	return e.print(out, "catalog rebuilt up to ledger no. %d in %.1f s\n", size, took.Seconds())
}

// rebuild makes a new catalog beside the old one, applies the journal from
// index 0, and puts it in the old one's place once it has reached the head. A
// process that reads the old one goes on with the new one.
func (h *house) rebuild(ctx context.Context, o catalog.Options, progress func(done, total int64)) (size int64, err error) {
	return h.rebuildIf(ctx, o, progress, nil)
}

// rebuildIf is rebuild, and leaves the old catalog in place where check, which may
// be nil, refuses the new one.
func (h *house) rebuildIf(ctx context.Context, o catalog.Options, progress func(done, total int64), check func(*catalog.Catalog) error) (size int64, err error) {
	// From now on a walk knows what was erased: an erasure that is not carried out,
	// or can't be, comes behind the lines that it names.
	if _, err := h.archive.Redactions(ctx); err != nil {
		return 0, err
	}
	r, err := catalog.Rebuild(ctx, h.catalogPath(), o)
	if err != nil {
		return 0, err
	}
	size, err = ingest.Follow(ctx, record{h.archive}, store{r.Catalog}, progress)
	if err == nil && check != nil {
		err = check(r.Catalog)
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("rebuild: %w", err), r.Discard())
	}
	if err := r.Replace(); err != nil {
		return 0, fmt.Errorf("rebuild: %w", err)
	}
	return size, nil
}
