// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"onrecord/archive/bucket"
)

// keys compares the objects of the changes of the key with the head, which has
// all of them, and with each other where the head can't be read.
func (v *verifier) keys() error {
	h, _, err := v.l.head(v.ctx)
	switch {
	case errors.Is(err, bucket.ErrNotExist), errors.Is(err, ErrTampered): // named by whoever reads the head
		return v.keysAlone()
	case err != nil:
		return err
	}
	for i, link := range h.Keys {
		if link.Index >= v.tree.Size {
			break // not published yet
		}
		want, err := encodeKey(link)
		if err != nil {
			return err
		}
		if err := v.keyObject(i+1, want); err != nil {
			return err
		}
	}
	if _, err := v.l.ringOf(h); err != nil {
		return v.report(Problem{Key: HeadKey, Reason: err.Error()})
	}
	return v.keyBehind(len(h.Keys) + 1)
}

// keyBehind looks for an object behind the last change that the head has.
func (v *verifier) keyBehind(n int) error {
	_, err := bucket.ReadAll(v.ctx, v.l.b, keyKey(n), maxKeyBody)
	if errors.Is(err, bucket.ErrNotExist) {
		return nil
	} else if err != nil && !errors.Is(err, bucket.ErrTooLarge) {
		return err
	}
	h, _, err := v.l.head(v.ctx) // it may have been written meanwhile
	if err != nil || len(h.Keys) >= n {
		return err
	}
	if err := v.l.complete(v.ctx, h); err != nil {
		return v.report(Problem{Key: HeadKey, Reason: err.Error()})
	}
	return v.report(Problem{Key: keyKey(n), Reason: fmt.Sprintf("is no change of the log key that %s has", HeadKey)})
}

// keyObject compares log/keys/<n> with what it must be.
func (v *verifier) keyObject(n int, want []byte) error {
	got, err := bucket.ReadAll(v.ctx, v.l.b, keyKey(n), maxKeyBody)
	switch {
	case errors.Is(err, bucket.ErrNotExist):
		return v.report(Problem{Key: keyKey(n), Reason: "is missing"})
	case err != nil && !errors.Is(err, bucket.ErrTooLarge):
		return err
	case !bytes.Equal(got, want):
		return v.report(Problem{Key: keyKey(n), Reason: fmt.Sprintf("is not the change of the log key that %s has", HeadKey)})
	}
	return nil
}

// keysAlone follows the objects from the key that is trusted.
func (v *verifier) keysAlone() error {
	r, err := v.l.Keys(v.ctx)
	switch {
	case errors.Is(err, ErrTampered), errors.Is(err, ErrRotation):
		return v.report(Problem{Key: KeysFolder, Reason: err.Error()})
	case err != nil:
		return err
	case r.cut != nil:
		return v.report(Problem{Key: keyKey(len(r.links) + 1), Reason: r.cut.Error()})
	}
	return nil
}
