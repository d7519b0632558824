// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"onrecord/archive/bucket"
)

// A metaCopy is the content of Options.Copy: onrecord.json as it was last read,
// and by whom. It is a note: without it, or torn, the bucket is asked.
type metaCopy struct {
	For  string `json:"for"` // what it was checked against: expected
	Meta Meta   `json:"meta"`
}

// expected words what a caller expects of an archive: what Open compares with
// the bucket.
func (o Options) expected() string {
	verifier, signer := "none", "none"
	if o.Verifier != nil {
		verifier = fmt.Sprintf("%s+%08x", o.Verifier.Name(), o.Verifier.KeyHash())
	}
	if o.Signer != nil {
		signer = fmt.Sprintf("%s+%08x", o.Signer.Name(), o.Signer.KeyHash())
	}
	return fmt.Sprintf("origin %q, key %q, verifier %s, signer %s", o.Origin, o.PublicKey, verifier, signer)
}

// keepCopy writes Options.Copy, where it says something else.
func keepCopy(o Options, meta Meta) error {
	if o.Copy == "" {
		return nil
	}
	b, err := json.MarshalIndent(metaCopy{For: o.expected(), Meta: meta}, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if there, err := os.ReadFile(o.Copy); err == nil && string(there) == string(b) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(o.Copy), ".copy-")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), o.Copy)
}

// OpenAway opens the archive in b while that does not answer, by the copy of
// onrecord.json that Open has kept in o.Copy for the same expectations. Whoever
// writes calls Confirm before. ErrNoCopy says that there is none.
func OpenAway(b bucket.Bucket, o Options) (*Archive, error) {
	text, err := os.ReadFile(o.Copy)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCopy, err)
	}
	var c metaCopy
	if err := json.Unmarshal(text, &c); err != nil || c.Meta.Format != 1 {
		return nil, fmt.Errorf("%w: %s is damaged", ErrNoCopy, o.Copy)
	}
	if want := o.expected(); c.For != want {
		return nil, fmt.Errorf("%w: %s was checked for %s, not for %s", ErrNoCopy, o.Copy, c.For, want)
	}
	if o.Verifier == nil { // nobody can tell whether a later key is in force
		if err := c.Meta.check(o); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrNoCopy, o.Copy, err)
		}
	}
	return open(b, c.Meta, o)
}

// Confirm makes the checks of Open: after OpenAway, when the bucket answers,
// and before anything is written. ErrKey says that another archive is there than
// the copy is of.
func (a *Archive) Confirm(ctx context.Context) error {
	meta, _, err := vetted(ctx, a.b, a.asked)
	if err != nil {
		return err
	}
	if meta != a.meta {
		return fmt.Errorf("%w: the bucket has %q, log %s, made %s, and this machine knew %q, log %s, made %s", ErrKey,
			meta.Name, meta.Origin, meta.Created, a.meta.Name, a.meta.Origin, a.meta.Created)
	}
	return nil
}
