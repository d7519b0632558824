// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"onrecord"
	"onrecord/archive/bucket"
)

// A register is the body of state/<source>.json. N only grows and Nonce is
// random, so that no body ever repeats (record.md 1.10). While a visit is
// pending the top level holds source, platform, account, last tick and done of
// the state before it, and nothing else.
type register struct {
	V     int    `json:"v"`
	N     uint64 `json:"n"`
	Nonce string `json:"nonce"`
	onrecord.SourceState
	By      onrecord.VisitID `json:"by,omitzero"` // the visit that the state is after: committed, or without news
	Pending *pending         `json:"pending"`
}

// A pending visit is behind the fence: its objects are put, and whether it is
// in the ledger is to be found there, from From on (record.md 1.4).
type pending struct {
	Visit   onrecord.VisitID     `json:"visit"`
	Objects []ObjectRef          `json:"objects"` // the journal segment is the last
	From    int64                `json:"from"`
	Next    onrecord.SourceState `json:"next"`
	Else    onrecord.SourceState `json:"else"`
}

// stateKey returns the key of a source's register.
func stateKey(source string) string { return "state/" + source + ".json" }

// sourceOf returns the source whose register is under key; ok is false for
// other registers under state/.
func sourceOf(key string) (source string, ok bool) {
	rest, _ := strings.CutPrefix(key, "state/")
	source, ok = strings.CutSuffix(rest, ".json")
	return source, ok && checkSource(source) == nil
}

// checkSource checks the form of a source id: [a-z0-9][a-z0-9-]{0,62}.
func checkSource(s string) error {
	if s == "" || len(s) > 63 || s[0] == '-' || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%w: %q is not a source id", ErrSource, s)
	}
	return nil
}

// fresh returns the state of a source that was never visited.
func fresh(source string) onrecord.SourceState {
	return onrecord.SourceState{Source: source, Done: onrecord.Done{Index: -1}}
}

// state returns what is certain of the source.
func (r register) state() onrecord.SourceState {
	if r.Pending != nil {
		return r.Pending.Else
	}
	return r.SourceState
}

// before returns the ledger index of the visit that a visit from r follows, -1 for
// none; nil where r can't tell. Of the operator's own source that is what was lost
// as a decision, so a register that is not there, or was made anew from what could
// be read, does not say that there was none.
func (r register) before() *int64 {
	if r.Source == BuiltIn && (r.N == 0 || r.N >= rebuilt) {
		return nil
	}
	return new(r.Done.Index)
}

// load reads a source's register. One that is not there has the zero tag and
// N 0.
func (a *Archive) load(ctx context.Context, source string) (register, bucket.Tag, error) {
	key := stateKey(source)
	b, tag, err := a.b.Load(ctx, key)
	if errors.Is(err, bucket.ErrNotExist) {
		return register{SourceState: fresh(source)}, bucket.Tag{}, nil
	}
	if err != nil {
		return register{}, bucket.Tag{}, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	r, err := parseRegister(source, b)
	if err != nil {
		return register{}, bucket.Tag{}, fmt.Errorf("%s: %w: %w", key, ErrMismatch, err)
	}
	return r, tag, nil
}

// parseRegister reads the body of a source's register.
func parseRegister(source string, b []byte) (register, error) {
	var r register
	if len(b) > MaxState {
		return r, fmt.Errorf("%w: state of %d bytes", ErrTooLarge, len(b))
	}
	if err := bucket.CheckSeal(b); err != nil {
		return r, err
	}
	if err := checkKeys(b); err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, err
	}
	switch p := r.Pending; {
	case r.V != 1 || r.N == 0 || r.Nonce == "":
		return r, fmt.Errorf("version %d, counter %d, nonce %q", r.V, r.N, r.Nonce)
	case r.Source != source:
		return r, fmt.Errorf("is the state of source %q", r.Source)
	case p == nil:
	case p.Visit.IsZero() || p.From < 0 || len(p.Objects) == 0 || p.Objects[len(p.Objects)-1].Key != journalKey(p.Visit):
		return r, fmt.Errorf("pending visit %s, from %d, %d objects", p.Visit, p.From, len(p.Objects))
	case p.Next.Source != source || p.Else.Source != source:
		return r, errors.New("pending visit of another source")
	}
	return r, nil
}

// body returns the body that follows r: next counter, new nonce.
func (a *Archive) body(r, next register) ([]byte, register, error) {
	nonce, err := newSalt(a.rand)
	if err != nil {
		return nil, register{}, err
	}
	next.V, next.N, next.Nonce = 1, r.N+1, nonce
	b, err := json.Marshal(next)
	if err != nil {
		return nil, register{}, fmt.Errorf("state of source %s: %w", next.Source, err)
	}
	if b = bucket.Seal(b); len(b) > MaxState {
		return nil, register{}, fmt.Errorf("%w: state of source %s would have %d bytes, at most %d",
			ErrTooLarge, next.Source, len(b), MaxState)
	}
	return b, next, nil
}

// fenced returns the register that makes a visit pending.
func fenced(before register, p pending) register {
	p.Else = before.SourceState
	return register{
		SourceState: onrecord.SourceState{
			Source: before.Source, Platform: p.Next.Platform, AccountID: before.AccountID,
			LastTick: before.LastTick, Done: before.Done,
		},
		By: before.By, Pending: &p,
	}
}

// condition returns what a swap of a register read with tag demands.
func condition(tag bucket.Tag) bucket.Condition {
	if tag.IsZero() {
		return bucket.Absent()
	}
	return bucket.Matches(tag)
}

// outOfReach marks an error of the bucket that is no answer as ErrUnreachable.
func outOfReach(err error) error {
	if err == nil || isAnswer(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}
