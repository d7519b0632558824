// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"onrecord/archive"
	"onrecord/archive/ledger"
)

func newLedger(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Look at the transparency log; change its key; begin it anew after a roll-back",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	key := &cobra.Command{
		Use:   "key",
		Short: "Change the key that signs the ledger",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	key.AddCommand(newKeyRotate(e))
	cmd.AddCommand(newLedgerStatus(e), key, newLedgerRestart(e))
	return cmd
}

func newKeyRotate(e *env) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new log key, and let the old one say so",
		Long: `Makes a new key and records an event, signed by the old key and the new one, by
which the new one signs the ledger from there on. Who holds the old key, or any
one before, follows by that event: checks and proofs go on as before, and proof
files made until now stay valid.

The new key takes the place of log.key in the state directory; the old one is
kept beside it. Copy the new one to your backup, and to every machine that
writes to this archive: those that still have the old one stop writing, their
visits wait in the spool. Tell the operators of your witnesses the new key.

An interrupted rotation is finished by the next start, or by this command.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runKeyRotate(cmd.Context(), e, reason) },
	}
	addTrust(cmd, e)
	cmd.Flags().StringVar(&reason, "reason", "", "why, in `WORDS` that everybody may read")
	return cmd
}

// A changedKey is what rotate and restart print.
type changedKey struct {
	Index    int64  `json:"log_index"` // of the event; -1 where a change was only finished
	Origin   string `json:"origin"`
	Old      string `json:"old_key"`
	New      string `json:"new_key"`
	File     string `json:"file"`
	Finished bool   `json:"finished"` // a change that was interrupted before
}

func runKeyRotate(ctx context.Context, e *env, reason string) error {
	reason, err := reasonOf(reason)
	if err != nil {
		return err
	}
	unlock, err := e.lockKeys()
	if err != nil {
		return err
	}
	defer unlock()
	h, err := e.open(ctx, writing)
	if err != nil {
		return err
	}
	defer h.close()
	out, err := h.changedKey(ctx, -1)
	if err != nil {
		return err
	}
	if out.Finished = h.rotated; !out.Finished {
		k, err := h.makeNextKey(out.Origin)
		if err != nil {
			return err
		}
		k.Reason = reason
		if out, err = h.changeKey(ctx, k); err != nil {
			return err
		}
		if _, err := h.catchUp(ctx, out.Index+1); err != nil {
			return err
		}
	}
	if err := e.print(out, "the ledger %s is signed by a new key\n  old  %s\n  new  %s\n", out.Origin, out.Old, out.New); err != nil || e.json {
		return err
	}
	if out.Finished {
		e.say("that finishes a rotation that was interrupted; for another one run the command again")
	}
	e.say("copy %s to your backup and to every machine that writes to this archive", out.File)
	if len(h.cfg.Log.Witnesses) > 0 {
		e.say("tell the operators of your witnesses the new key")
	}
	return nil
}

// reasonOf checks a reason that is published.
func reasonOf(word string) (string, error) {
	if word = strings.TrimSpace(word); len(word) > maxNote || plain(word) != word {
		return "", usagef("--reason: at most %d characters", maxNote)
	}
	return word, nil
}

// lockKeys keeps other commands of this machine from changing the log key until
// unlock is called.
func (e *env) lockKeys() (unlock func(), err error) {
	cfg, err := e.config()
	if err != nil {
		return nil, err
	}
	release, err := lockKeysIn(cfg.StateDir)
	if errors.Is(err, errHeld) {
		return nil, &failure{status: exitLocked, hint: "onrecord ledger status tells the key in force when it is done", err: fmt.Errorf("another command is changing the log key: %w", err)}
	} else if err != nil {
		return nil, err
	}
	e.keysHeld = true
	return func() { e.keysHeld = false; release() }, nil
}

// lockKeysIn takes the lock of the log key; errHeld says that another process
// is changing it.
func lockKeysIn(stateDir string) (unlock func(), err error) {
	l, err := newLocks(stateDir)
	if err != nil {
		return nil, err
	}
	return l.take("ledger", "keys")
}

// changeKey records a change of the log key and puts the new one in place.
func (h *house) changeKey(ctx context.Context, k archive.NewKey) (changedKey, error) {
	done, err := h.archive.RotateKey(ctx, k)
	if errors.Is(err, ledger.ErrKeyChanged) {
		return changedKey{}, fmt.Errorf("another machine has changed the log key, and this command has changed nothing: %w", err)
	}
	if err != nil {
		return changedKey{}, err
	}
	if installed, err := h.installKey(ctx); err != nil || !installed {
		return changedKey{}, errors.Join(err, errors.New("the change of the key is recorded, and the new one is not in place: the next start does that"))
	}
	return h.changedKey(ctx, done.Index+1)
}

// changedKey tells the keys before and after the last change.
func (h *house) changedKey(ctx context.Context, index int64) (changedKey, error) {
	keys, err := h.archive.Keys(ctx)
	if err != nil {
		return changedKey{}, err
	}
	in := keys.InForce()
	return changedKey{Index: index, Origin: in.Origin(), Old: in.Begun.Old, New: in.Public, File: filepath.Join(h.cfg.StateDir, keyFile)}, nil
}

// A restartFlags holds the flags of `ledger restart`.
type restartFlags struct {
	origin, reason string
	yes            bool
}

func newLedgerRestart(e *env) *cobra.Command {
	var f restartFlags
	cmd := &cobra.Command{
		Use:   "restart",
		Short: "After a roll-back that nothing repairs: go on under a new name",
		Long: `For one case only: the store has lost the end of the ledger for good. What this
machine has signed, or a witness or a replica has seen, is more than the bucket
shows, and neither a newer copy of the bucket nor a replica nor the spool has the
rest. Nothing is signed then: a second history under the same name is what
nobody could tell from a forgery.

The ledger goes on from what the bucket shows, under a new origin, with a new
key. The first entry holds the last tree that was known of the old one, signed by
the old key: everybody can see what was lost. Entries keep their numbers, the old
objects stay where they are, proofs of what is still there stay valid. Visits
whose entries were lost and that are in the spool are recorded again.

Try first: put back a newer copy of the bucket, "onrecord verify --repair" with a
replica, "onrecord adopt" of one. Stop "onrecord serve" before. Where the bucket is
of before a change of the log key, put the key of that time, log.key.HASH in the
state directory, in the place of log.key first.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runLedgerRestart(cmd.Context(), e, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.origin, "origin", "", "`NAME` of the ledger from there on (default: the old one and a number)")
	fl.StringVar(&f.reason, "reason", "", "what happened, in `WORDS` that everybody may read")
	fl.BoolVar(&f.yes, "yes", false, "do not ask")
	return cmd
}

func runLedgerRestart(ctx context.Context, e *env, f restartFlags) error {
	var err error
	if f.reason, err = reasonOf(f.reason); err != nil {
		return err
	}
	unlock, err := e.lockKeys()
	if err != nil {
		return err
	}
	defer unlock()
	h, err := e.open(ctx, mending)
	if err != nil {
		return err
	}
	defer h.close()
	head, err := h.archive.Head(ctx)
	if err != nil {
		return err
	}
	keys, err := h.archive.KeysOf(head)
	if err != nil {
		return err
	}
	old := keys.InForce().Origin()
	last, who, err := h.lastKnown(ctx, head, old)
	if err != nil {
		return err
	}
	if f.origin == "" {
		f.origin = nextOrigin(h.archive.Meta().Origin, keys)
	}
	if keys.Knows(f.origin) {
		return usagef("--origin %s: the ledger has, or had, this name", f.origin)
	}
	if err := f.ask(e, old, head, last, who); err != nil {
		return err
	}
	k, err := h.makeNextKey(f.origin)
	if err != nil {
		return err
	}
	k.Last, k.Reason = last, f.reason
	out, err := h.changeKey(ctx, k)
	if err != nil {
		return err
	}
	if _, err := h.rebuild(ctx, h.catalogOptions(), nil); err != nil {
		return fmt.Errorf("the ledger goes on as %s; the catalog is still to be made anew, by onrecord rebuild: %w", out.Origin, err)
	}
	if err := e.print(out, "the ledger goes on as %s, from size %d\n  key  %s\n", out.Origin, head.Size, out.New); err != nil || e.json {
		return err
	}
	e.say("copy %s to your backup, and ask your witnesses to add the log %s with that key", out.File, out.Origin)
	e.say("onrecord crawl records what waits in the spool")
	return nil
}

// lastKnown returns the largest tree that was known of the ledger and that the
// head does not extend, and who knew it. It is an error if there is none.
func (h *house) lastKnown(ctx context.Context, head ledger.Head, origin string) (last ledger.Tree, who string, err error) {
	path := filepath.Join(h.cfg.StateDir, markFile)
	of, mark, ok, err := ledger.MarkAt(path)
	if err != nil {
		return last, "", err
	}
	if ok && of == origin {
		if err := h.archive.CheckMark(ctx, path); isMismatch(err) {
			last, who = mark, "this machine has signed"
		} else if err != nil {
			return last, "", err
		}
	}
	seen, err := h.sightings(ctx)
	if err != nil {
		return last, "", err
	}
	for _, s := range seen {
		if (s.Origin == "" || s.Origin == origin) && s.Size > max(last.Size, head.Size) {
			last, who = ledger.Tree{Size: s.Size, Root: s.Root}, s.By+" has seen"
		}
	}
	if who == "" {
		return last, "", &failure{status: exitFailed, hint: "onrecord ledger status", err: errors.New("nothing is lost as far as this machine, its replicas and its witnesses know: the ledger is not restarted")}
	}
	return last, who, nil
}

// nextOrigin returns the first name of the ledger that is not taken.
func nextOrigin(first string, keys *ledger.Keyring) string {
	for n := 2; ; n++ {
		if origin := fmt.Sprintf("%s-%d", first, n); !keys.Knows(origin) {
			return origin
		}
	}
}

// ask tells what is lost and asks for the new name.
func (f restartFlags) ask(e *env, old string, head ledger.Head, last ledger.Tree, who string) error {
	e.say("%s: the bucket shows %d entries; %s %d", old, head.Size, who, last.Size)
	if last.Size > head.Size {
		e.say("ledger no. %d to %d are lost for good, but for what the spool still has", head.Size, last.Size-1)
	}
	e.say("the ledger would go on from %d as %s", head.Size, f.origin)
	if f.yes {
		return nil
	}
	in, ok := e.io.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return usagef("nobody is there to be asked: say --yes")
	}
	fmt.Fprintf(e.io.err, "This can't be undone. Type the new name to restart the ledger: ")
	lines := bufio.NewScanner(in)
	if !lines.Scan() || strings.TrimSpace(lines.Text()) != f.origin {
		return &failure{status: exitFailed, err: errors.New("nothing was changed")}
	}
	return nil
}
