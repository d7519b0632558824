// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"onrecord"
	"onrecord/archive/ledger"
	"onrecord/archive/witness"
)

func newLedgerStatus(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show size, checkpoint, mark, keys and witnesses",
		Long: `Shows how large the ledger is and which tree its published checkpoint speaks for,
what this machine has signed (the high-water mark), which keys were in force
since which entry, and what each witness has cosigned. Reads only; witnesses are
not asked. Exit status 5 says that the ledger does not extend the mark.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runLedgerStatus(cmd.Context(), e) },
	}
}

type ledgerStatus struct {
	Origin     string             `json:"origin"`
	Size       int64              `json:"size"`
	Root       string             `json:"root"`
	Checkpoint checkpointStatus   `json:"checkpoint"`
	Pending    int64              `json:"pending"` // entries that the head has and the checkpoint has not
	Mark       *markStatus        `json:"mark"`
	Keys       []keyStatus        `json:"keys"`
	HasKey     bool               `json:"has_key"` // log.key is on this machine
	Witnesses  []cosigningWitness `json:"witnesses"`
}

type checkpointStatus struct {
	Size int64      `json:"size"`
	Root string     `json:"root"`
	At   *time.Time `json:"at"` // of the last visit in it
	Note string     `json:"note"`
}

type markStatus struct {
	Origin  string `json:"origin"`
	Size    int64  `json:"size"`
	Root    string `json:"root"`
	Extends bool   `json:"extended"` // the ledger extends it
	Problem string `json:"problem,omitempty"`
}

type keyStatus struct {
	Key    string `json:"key"`
	Since  int64  `json:"since"` // ledger index of the event; 0 for the first
	Origin string `json:"origin"`
	Here   bool   `json:"here"` // it is log.key of this machine
	Next   bool   `json:"next"` // it is log.key.next: a start puts it in place
}

type cosigningWitness struct {
	Name     string     `json:"name"`
	URL      string     `json:"url"`
	Cosigned *time.Time `json:"cosigned_at"` // the published checkpoint; null if it has not
	Size     int64      `json:"size"`        // of the last checkpoint that it has cosigned, as far as is known
	SizeAt   *time.Time `json:"size_at"`
	Problem  string     `json:"problem,omitempty"`
	Since    *time.Time `json:"problem_since,omitempty"`
}

func runLedgerStatus(ctx context.Context, e *env) error {
	h, err := e.open(ctx, recordOnly)
	if err != nil {
		return err
	}
	defer h.close()
	s, err := h.ledgerStatus(ctx)
	if err != nil {
		return err
	}
	if err := e.print(s, "%s", s.words(e.now())); err != nil {
		return err
	}
	if s.Mark != nil && !s.Mark.Extends {
		return &failure{status: exitMismatch, hint: "put back a newer copy of the bucket; onrecord ledger restart --help tells what is left after that", err: fmt.Errorf("the ledger is not what this machine has signed: %s", s.Mark.Problem)}
	}
	return nil
}

// ledgerStatus looks at everything.
func (h *house) ledgerStatus(ctx context.Context) (ledgerStatus, error) {
	var s ledgerStatus
	head, err := h.archive.Head(ctx)
	if err != nil {
		return s, err
	}
	point, err := h.archive.Checkpoint(ctx)
	if err != nil {
		return s, err
	}
	keys, err := h.archive.KeysOf(head)
	if err != nil {
		return s, err
	}
	s.Origin, s.Size, s.Root, s.Pending = keys.InForce().Origin(), head.Size, rootText(head.Root), max(0, head.Size-point.Size)
	s.Checkpoint = checkpointStatus{Size: point.Size, Root: rootText(point.Root), Note: string(point.Note)}
	if point.Size > 0 {
		if _, leaf, err := h.archive.Line(ctx, point.Size-1); err == nil {
			s.Checkpoint.At = orNull(leaf.Visit.Time())
		}
	}
	next, nextErr := readKeyFile(filepath.Join(h.cfg.StateDir, nextKeyFile))
	for _, k := range keys.Keys() {
		one := keyStatus{Key: k.Public, Since: max(k.Since, 0), Origin: k.Origin()}
		if one.Key == "" {
			one.Key = h.publicKey()
		}
		one.Here = h.key.verifier != nil && k.Verifier.Name() == h.key.verifier.Name() && k.Verifier.KeyHash() == h.key.verifier.KeyHash()
		one.Next = nextErr == nil && next.Public == one.Key
		s.Keys = append(s.Keys, one)
	}
	s.HasKey = h.key.verifier != nil
	s.Witnesses = h.cosigners(point)
	s.Mark, err = h.markStatus(ctx)
	return s, err
}

// publicKey returns the verifier key that the archive began with: as onrecord.json
// names it, and where that is lost, this machine's own.
func (h *house) publicKey() string {
	if public := h.archive.Meta().PublicKey; public != "" {
		return public
	}
	k, err := readKeyFile(filepath.Join(h.cfg.StateDir, keyFile))
	if err != nil {
		return "not known"
	}
	return k.Public
}

func rootText(root [32]byte) string { return base64.StdEncoding.EncodeToString(root[:]) }

// markStatus looks at the high-water mark.
func (h *house) markStatus(ctx context.Context) (*markStatus, error) {
	path := filepath.Join(h.cfg.StateDir, markFile)
	origin, mark, ok, err := ledger.MarkAt(path)
	if err != nil || !ok {
		return nil, err
	}
	m := &markStatus{Origin: origin, Size: mark.Size, Root: rootText(mark.Root), Extends: true}
	if err := h.archive.CheckMark(ctx, path); isMismatch(err) {
		m.Extends, m.Problem = false, err.Error()
	} else if err != nil {
		return nil, err
	}
	return m, nil
}

// cosigners tells what each configured witness has cosigned: by the published
// checkpoint, and by what the last process that asked has noted.
func (h *house) cosigners(point ledger.Checkpoint) []cosigningWitness {
	kept := witness.ReadState(filepath.Join(h.cfg.StateDir, witnessFile))
	list := []cosigningWitness{}
	for _, w := range h.cfg.Log.Witnesses {
		v, err := witness.NewVerifier(w.Key)
		if err != nil {
			continue // config has checked it
		}
		one := cosigningWitness{Name: v.Name(), URL: w.URL}
		for _, k := range kept {
			if k.Key == w.Key && k.URL == w.URL {
				one.Size, one.SizeAt, one.Problem, one.Since = k.Size, orNull(k.At), k.Err, orNull(k.Since)
			}
		}
		if at, ok := witness.CosignedAt(point.Note, v); ok {
			one.Cosigned = &at
			if point.Size >= one.Size {
				one.Size, one.SizeAt = point.Size, &at
			}
		}
		list = append(list, one)
	}
	return list
}

// inForce returns the last key.
func (s ledgerStatus) inForce() keyStatus {
	if len(s.Keys) == 0 {
		return keyStatus{}
	}
	return s.Keys[len(s.Keys)-1]
}

// words words a status for people.
func (s ledgerStatus) words(now time.Time) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("ledger", "%s", s.Origin)
	line("size", "%d", s.Size)
	line("root", "%s", s.Root)
	age := ""
	if at := s.Checkpoint.At; at != nil {
		age = fmt.Sprintf(", its last visit began %s (%s ago)", stamp(*at), ageWords(now.Sub(*at)))
	}
	line("checkpoint", "size %d%s", s.Checkpoint.Size, age)
	if s.Pending > 0 {
		line("pending", "%s not published yet: the next commit or sweep does that", count(int(s.Pending), "entry", "entries"))
	}
	mine := s.inForce()
	switch m := s.Mark; {
	case m == nil && mine.Here && s.Size > 0:
		line("mark", "none: it is not known what this machine has signed; its next command that writes asks for --trust-checkpoint, once")
	case m == nil:
		line("mark", "none: this machine has signed nothing")
	case m.Extends:
		line("mark", "size %d, which the ledger extends", m.Size)
	default:
		line("mark", "size %d of %s: THE LEDGER DOES NOT EXTEND IT", m.Size, m.Origin)
	}
	for _, k := range s.Keys {
		here := ""
		switch {
		case k.Here:
			here = "  (log.key of this machine)"
		case k.Next:
			here = "  (log.key.next of this machine: its next command that writes puts it in place)"
		}
		line("key", "%s since no. %d%s", k.Key, k.Since, here)
	}
	if !mine.Here && !mine.Next {
		if s.HasKey {
			line("", "LOG.KEY OF THIS MACHINE IS NOT THE KEY IN FORCE: nothing is recorded here until the new one is copied from the machine that changed it")
		} else {
			line("", "log.key is not on this machine: it can read, and record nothing")
		}
	}
	if len(s.Witnesses) == 0 {
		line("witnesses", "none are configured (log.witnesses)")
	}
	for _, w := range s.Witnesses {
		line("witness", "%s", w.words())
	}
	return b.String()
}

func (w cosigningWitness) words() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s", w.Name, w.URL)
	switch {
	case w.Cosigned != nil:
		fmt.Fprintf(&b, ": cosigned the checkpoint at %s", stamp(*w.Cosigned))
	case w.SizeAt != nil:
		fmt.Fprintf(&b, ": cosigned size %d last, at %s", w.Size, stamp(*w.SizeAt))
	default:
		b.WriteString(": has cosigned nothing yet")
	}
	if w.Problem != "" {
		b.WriteString("; ")
		if w.Since != nil {
			fmt.Fprintf(&b, "since %s: ", stamp(*w.Since))
		}
		b.WriteString(w.Problem)
	}
	return plain(b.String())
}

// witnessHealth tells how the witnesses fare, for the status page.
func (h *house) witnessHealth() []onrecord.WitnessHealth {
	if h.witnesses == nil {
		return nil
	}
	var list []onrecord.WitnessHealth
	for _, s := range h.witnesses.Status() {
		list = append(list, onrecord.WitnessHealth{Name: s.Name, Size: s.Size, At: s.At, Problem: s.Err, Since: s.Since})
	}
	return list
}
