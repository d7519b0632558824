// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"onrecord"
	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// Init makes an archive of an empty bucket: an empty ledger, onrecord.json, and
// the event archive.created as the first visit of the built-in source. It goes
// on where an Init with the same name, origin and key was interrupted, if need
// be from an empty state folder. ErrExists says that the bucket holds an
// archive, or one that was begun with another name, origin or key.
func Init(ctx context.Context, b bucket.Bucket, o Options) error {
	if o.Signer == nil || o.StateDir == "" || o.Origin == "" || o.PublicKey == "" || o.Now == nil {
		return errors.New("init needs origin, public key, signer, state folder and clock")
	}
	meta := Meta{Format: 1, Name: o.Name, Origin: o.Origin, PublicKey: o.PublicKey, Created: trim(o.Now())}
	if err := meta.check(o); err != nil {
		return err
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if err := create(ctx, b, meta, o); err != nil {
		return err
	}
	a, err := Open(ctx, b, o)
	if err != nil {
		return err
	}
	for _, err := range a.Recover(ctx) { // what an interrupted Init has spooled
		if err != nil {
			return fmt.Errorf("init: %w", err)
		}
	}
	reg, _, err := a.settled(ctx, BuiltIn)
	if err != nil || reg.Done.Index >= 0 {
		return err
	}
	return a.created(ctx)
}

// create puts ledger and onrecord.json.
func create(ctx context.Context, b bucket.Bucket, meta Meta, o Options) error {
	there, err := readMeta(ctx, b)
	switch {
	case errors.Is(err, ErrNoArchive):
	case err != nil:
		return err
	default:
		return resumable(ctx, b, meta, there)
	}
	lo, err := meta.ledgerOptions(o)
	if err != nil {
		return err
	}
	switch err := ledger.Create(ctx, b, lo); {
	case errors.Is(err, bucket.ErrExists):
		return fmt.Errorf("%w: a ledger without %s", ErrExists, metaKey)
	case errors.Is(err, ledger.ErrCheckpoint):
		return fmt.Errorf("%w: an interrupted init has signed its ledger with another key than %s; run it again with the key that it made: %w",
			ErrExists, o.PublicKey, err)
	case err != nil:
		return outOfReach(err)
	}
	body, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", metaKey, err)
	}
	if err := b.Create(ctx, metaKey, bucket.Bytes(append(body, '\n'))); errors.Is(err, bucket.ErrExists) {
		return fmt.Errorf("%w: made at the same moment", ErrExists)
	} else if err != nil {
		return outOfReach(fmt.Errorf("%s: %w", metaKey, err))
	}
	return nil
}

// resumable reports whether the archive that is there is the same one, whose
// first event is still to come.
func resumable(ctx context.Context, b bucket.Bucket, meta, there Meta) error {
	body, _, err := b.Load(ctx, stateKey(BuiltIn))
	begun := errors.Is(err, bucket.ErrNotExist)
	if err != nil && !begun {
		return outOfReach(fmt.Errorf("%s: %w", stateKey(BuiltIn), err))
	}
	if !begun {
		reg, err := parseRegister(BuiltIn, body)
		begun = err == nil && reg.Done.Index < 0
	}
	is := fmt.Sprintf("%q, log %s, made %s", there.Name, there.Origin, there.Created.Format(time.RFC3339))
	meta.Created = there.Created
	switch {
	case !begun:
		return fmt.Errorf("%w: %s", ErrExists, is)
	case meta.PublicKey != there.PublicKey:
		return fmt.Errorf("%w: %s, by an interrupted init with another key: %s, not %s; run it again with the key that it made",
			ErrExists, is, there.PublicKey, meta.PublicKey)
	case meta != there:
		return fmt.Errorf("%w: %s, by an interrupted init; run it again with that name and that log", ErrExists, is)
	}
	return nil
}

// metaDigest is the key of archive.created that holds the SHA-256 of
// onrecord.json, hex: so the ledger vouches for it, too.
const metaDigest = "onrecord_json"

// created commits the first event.
func (a *Archive) created(ctx context.Context) error {
	body, err := bucket.ReadAll(ctx, a.b, metaKey, maxMeta)
	if err != nil {
		return outOfReach(fmt.Errorf("%s: %w", metaKey, err))
	}
	sum := sha256.Sum256(body)
	v, err := a.Begin(ctx, Source{Source: BuiltIn, Platform: BuiltIn}, "", "", nil)
	if err != nil {
		return err
	}
	now := a.now()
	next := v.State()
	next.Platform, next.LastVisit, next.LastGood = BuiltIn, now, now
	_, err = v.Commit(ctx, Draft{
		Outcome: onrecord.OutcomeOK, Started: now, Ended: now, Next: next,
		Events: []onrecord.Event{{
			Type: onrecord.ArchiveCreated, At: now, By: now, Source: BuiltIn, Platform: BuiltIn, Prev: -1, Index: -1,
			Reason: a.meta.Name, Code: a.meta.Origin, Provenance: onrecord.Captured,
			Extra: map[string]any{metaDigest: hex.EncodeToString(sum[:])},
		}},
	})
	return err
}
