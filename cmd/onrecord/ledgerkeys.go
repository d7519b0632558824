// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive"
	"onrecord/archive/ledger"
	"onrecord/archive/witness"
	"onrecord/crawler"
)

// nextKeyFile is the name of the log key that is about to take the place of
// keyFile: it is there from before the event that says so until that is
// published.
const nextKeyFile = "log.key.next"

// markFile and witnessFile are the names of the high-water mark and of what the
// witnesses said, in the state directory.
const (
	markFile    = "log.mark"
	witnessFile = "witnesses.json"
)

// partingTime is how long a command that ends waits for cosignatures of what it
// has committed.
const partingTime = 5 * time.Second

// signersOf reads the further log keys of a machine: those that are in place now,
// in case another process has changed them, and the one that is about to be.
func signersOf(stateDir string) func() ([]note.Signer, error) {
	return func() ([]note.Signer, error) {
		var list []note.Signer
		for _, name := range []string{keyFile, nextKeyFile} {
			k, err := readKeyFile(filepath.Join(stateDir, name))
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return nil, err
			}
			list = append(list, k.Signer)
		}
		return list, nil
	}
}

// readKeyFile reads a private log key.
func readKeyFile(path string) (archive.NewKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return archive.NewKey{}, err
	}
	secret := strings.TrimSpace(string(b))
	s, err := note.NewSigner(secret)
	if err != nil {
		return archive.NewKey{}, fmt.Errorf("%s: not a log key", path)
	}
	public, err := publicOf(secret)
	if err != nil {
		return archive.NewKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return archive.NewKey{Public: public, Signer: s}, nil
}

// makeNextKey makes the key that is about to take the place of log.key, for an
// origin, or takes the one that an attempt before has left.
func (h *house) makeNextKey(origin string) (archive.NewKey, error) {
	path := filepath.Join(h.cfg.StateDir, nextKeyFile)
	k, err := readKeyFile(path)
	switch {
	case err == nil && k.Signer.Name() == origin:
		return k, nil
	case err == nil:
		return k, &failure{status: exitConfig, hint: "if no rotation or restart is under way, remove it", err: fmt.Errorf("%s is a key of %s, not of %s", path, k.Signer.Name(), origin)}
	case !errors.Is(err, fs.ErrNotExist):
		return k, err
	}
	secret, public, signer, err := ledger.GenerateKeys(rand.Reader, origin)
	if err != nil {
		return k, err
	}
	if err := writeNew(path, []byte(secret+"\n"), 0o600); err != nil {
		return k, fmt.Errorf("log key: %w", err)
	}
	return archive.NewKey{Public: public, Signer: signer}, nil
}

// keyToGive returns the verifier key that strangers are shown: that of log.key,
// which signs what they get, and leads back to those before; where this machine
// has none, the one that the archive began with.
func (h *house) keyToGive() string {
	k, err := readKeyFile(filepath.Join(h.cfg.StateDir, keyFile))
	if err != nil {
		return h.archive.Meta().PublicKey
	}
	return k.Public
}

// installKey puts log.key.next in the place of log.key once it is in force in the
// ledger, and its first checkpoint published. done says that this process did.
// Where another one is changing the key, that puts it there.
func (h *house) installKey(ctx context.Context) (done bool, err error) {
	next := filepath.Join(h.cfg.StateDir, nextKeyFile)
	if _, err := os.Lstat(next); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if !h.env.keysHeld {
		unlock, err := lockKeysIn(h.cfg.StateDir)
		if errors.Is(err, errHeld) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		defer unlock()
	}
	k, err := readKeyFile(next)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	head, err := h.archive.Head(ctx)
	if err != nil {
		return false, err
	}
	keys, err := h.archive.KeysOf(head)
	if err != nil {
		return false, err
	}
	if in := keys.InForce(); in.Public != k.Public {
		return false, nil // not recorded yet: a pending visit may still do so
	}
	if err := h.archive.PublishHead(ctx); err != nil {
		return false, err
	}
	path := filepath.Join(h.cfg.StateDir, keyFile)
	before, err := readKeyFile(path) // another process may have changed it since this one began
	if err != nil {
		return false, err
	}
	old := fmt.Sprintf("%s.%08x", path, before.Signer.KeyHash())
	if before.Public == k.Public {
		return true, errors.Join(os.Remove(next), syncFolder(h.cfg.StateDir)) // somebody has copied it there
	} else if err := os.Link(path, old); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, fmt.Errorf("keep the log key before: %w", err)
	}
	if err := errors.Join(os.Rename(next, path), syncFolder(h.cfg.StateDir)); err != nil {
		return false, fmt.Errorf("put the new log key in place: %w", err)
	}
	return true, nil
}

// olderKey adds to an error of an archive that has another key than log.key what
// may be behind it: a bucket of before the key was changed.
func (h *house) olderKey(err error) error {
	if h.env.given != nil && errors.Is(err, archive.ErrKey) {
		return &failure{status: exitMismatch, err: err, hint: "is --key that of this archive? where it is, somebody has put another archive in its place"}
	}
	kept, globErr := filepath.Glob(filepath.Join(h.cfg.StateDir, keyFile+".*"))
	kept = slices.DeleteFunc(kept, func(path string) bool { return filepath.Base(path) == nextKeyFile })
	if !errors.Is(err, archive.ErrKey) || errors.Is(err, archive.ErrOrigin) || globErr != nil || len(kept) == 0 {
		return err
	}
	return &failure{status: exitConfig, err: err, hint: "is this a copy of the bucket from before the log key was changed? put back a newer one; where there is none, " +
		"the key of that time is among " + strings.Join(kept, ", ") + ": see onrecord ledger restart --help"}
}

// newWitnesses makes ready the configured witnesses, and asks none.
func (h *house) newWitnesses() (*witness.Gatherer, error) {
	var list []witness.Witness
	for _, w := range h.cfg.Log.Witnesses {
		list = append(list, witness.Witness(w))
	}
	return witness.New(witness.Options{
		Witnesses: list, HTTP: crawler.NewPlainClient(h.cfg.Crawl.AllowAddresses, nil), Now: h.env.now, Log: h.log,
		UserAgent: fmt.Sprintf("onrecord/%s (+%s; %s)", version(), h.cfg.Archive.URL, h.cfg.Crawl.Contact),
		State:     filepath.Join(h.cfg.StateDir, witnessFile),
	})
}

// part gives witnesses a moment to cosign what this process has committed.
func (h *house) part() {
	if h.witnesses == nil {
		return
	}
	ctx, cancel := context.WithTimeout(h.env.stop.soft, partingTime)
	defer cancel()
	if err := h.witnesses.Flush(ctx); err != nil && ctx.Err() == nil {
		h.log.Warn("cosignatures could not be gathered", "err", err)
	}
}
