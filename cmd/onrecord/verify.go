// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/ledger"
	"onrecord/archive/witness"
)

// A verifyFlags is what verify was asked for.
type verifyFlags struct {
	part   string // "3/30"
	key    string // verifier key from elsewhere
	since  string // file with a checkpoint
	repair bool   // put right what does not match
	from   string // address of the copy to repair from
	allow  []string

	verifier note.Verifier // of key; nil without
	networks []netip.Prefix
	k, n     int    // of part; 0 without
	seen     []byte // what since holds
}

func newVerify(e *env) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [ID|ADDRESS|FILE|SITE]",
		Short: "Check everything, one statement, a proof file, or another archive from outside",
		Long: `Without argument it reads the whole bucket and checks it from the signed
checkpoint down: the tiles against the root, the leaves against the tiles, the
journal lines against the leaves, captures and media, each record in them with
its payload, against the journal; then states, snapshots and onrecord.json. Exit
status 5 says that something does not match; every mismatch is named, with its
object, offset and reason. What was erased by an event, and what a mirror
withholds, is counted apart.

  onrecord verify                            everything
  onrecord verify --part 3/30                the third of 30 parts, which never change
                                             (all but how parts hang together: prev into
                                             another part, and a visit that is there twice)
  onrecord verify --since-checkpoint old     and that the ledger extends this checkpoint
  onrecord verify 0123456789abcdef           one statement, or its address
  onrecord verify 0123456789abcdef.proof --key 'name+hash+key'
                                             a proof file; needs no archive
  onrecord verify https://archive.example --key 'name+hash+key'
                                             an archive from outside, through its website
  onrecord verify https://archive.example/s/0123456789abcdef --key 'name+hash+key'
                                             one statement of it

A key that you have from elsewhere proves more than one that the archive names.`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(); err != nil {
				return err
			}
			return runVerify(cmd.Context(), e, f, strings.Join(args, ""))
		},
	}
	cmd.Flags().StringVar(&f.part, "part", "", "check only the `K/N`-th part: the n parts together cover every object, each once; what lies between parts the whole checks")
	cmd.Flags().StringVar(&f.key, "key", "", "the log's verifier `KEY`, from elsewhere (name+hash+key)")
	cmd.Flags().StringVar(&f.since, "since-checkpoint", "", "a checkpoint that was seen before, in a `FILE`: the ledger must extend it")
	cmd.Flags().BoolVar(&f.repair, "repair", false, "put right what does not match, from the replicas: only bytes that the signed ledger vouches for; damaged ones are kept under damaged/")
	cmd.Flags().StringVar(&f.from, "from", "", "repair from the copy at this `URL` alone")
	cmd.Flags().StringSliceVar(&f.allow, "allow-address", nil, "reach a site in this private `NETWORK`, such as 127.0.0.0/8")
	return cmd
}

// read checks the flags.
func (f *verifyFlags) read() (err error) {
	if f.key != "" {
		if f.verifier, err = note.NewVerifier(f.key); err != nil {
			return usagef("--key %q: %v; it reads name+hash+key, as the archive's page /status prints it", f.key, err)
		}
	}
	for _, s := range f.allow {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return usagef("--allow-address %q is no network, such as 127.0.0.0/8", s)
		}
		f.networks = append(f.networks, p)
	}
	if f.part != "" {
		if n, err := fmt.Sscanf(f.part+"\n", "%d/%d\n", &f.k, &f.n); err != nil || n != 2 || f.k < 1 || f.k > f.n || fmt.Sprintf("%d/%d", f.k, f.n) != f.part {
			return usagef("--part %q: it reads 3/30, the third of thirty", f.part)
		}
	}
	if f.since != "" {
		if f.seen, err = os.ReadFile(f.since); err != nil {
			return usagef("--since-checkpoint: %v", err)
		}
	}
	return nil
}

// options returns what the flags ask of the verification of a.
func (f *verifyFlags) options(ctx context.Context, a *archive.Archive) (o archive.VerifyOptions, err error) {
	o.Part, o.Parts = f.k, f.n
	if f.since == "" {
		return o, nil
	}
	keys, err := a.Keys(ctx)
	if err != nil {
		return o, err
	}
	c, err := keys.ParseCheckpoint(f.seen)
	if err != nil {
		return o, &failure{status: exitMismatch, hint: "is it a checkpoint of this log, whole?", err: fmt.Errorf("%s: %w", f.since, err)}
	}
	o.Since = &c
	return o, nil
}

// runVerify finds out what arg is.
func runVerify(ctx context.Context, e *env, f verifyFlags, arg string) error {
	info, err := os.Stat(arg)
	isFile := err == nil && info.Mode().IsRegular()
	u, err := url.Parse(arg)
	isSite := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	_, err = onrecord.ParseStatementID(arg)
	isID := err == nil
	whole := arg == "" || isSite && strings.Trim(u.Path, "/") == ""
	if f.from != "" && !f.repair {
		return usagef("--from says from where --repair repairs: give both")
	}
	if (arg != "" || f.part != "") && f.repair {
		return usagef("--repair is of the whole archive of this machine: no part of it, no single statement, no site")
	}
	if !whole && (f.part != "" || f.since != "") {
		return usagef("--part and --since-checkpoint are of a whole archive")
	}
	e.given = f.verifier
	switch {
	case arg == "":
		return verifyAll(ctx, e, f)
	case isFile:
		return verifyProof(ctx, e, f, arg)
	case isSite && whole:
		return verifySite(ctx, e, f, arg)
	case isSite && (f.key != "" || e.isElsewhere(u)):
		return verifyElsewhere(ctx, e, f, u)
	case isID || isSite:
		return verifyOne(ctx, e, arg)
	}
	if _, err := os.Stat(arg); !errors.Is(err, fs.ErrNotExist) {
		return usagef("%s is no regular file", arg)
	}
	return usagef("%q is neither a statement's id (16 characters), nor an address, nor a file", arg)
}

// verifyAll checks the archive that the configuration names.
func verifyAll(ctx context.Context, e *env, f verifyFlags) error {
	h, err := e.open(ctx, recordOnly)
	if err != nil && f.repair {
		h, err = e.repairMeta(ctx, f.from, err)
	}
	if err != nil {
		return err
	}
	defer h.close()
	o, err := f.options(ctx, h.archive)
	if err != nil {
		return err
	}
	o.Witnesses = h.witnessKeys()
	rep, err := h.verified(ctx, o)
	if err == nil && f.repair && len(rep.Findings) > 0 {
		rep, err = h.repair(ctx, rep, f.from, func(ctx context.Context) (archive.Report, error) { return h.verified(ctx, o) })
	}
	if err != nil {
		return err
	}
	hint := h.damagedHint(rep.Findings)
	if f.repair {
		hint = leftHint(rep.Findings, hint)
	}
	return printReport(e, rep, reportOf{part: f.part, key: h.keyWords(), trusted: h.key.verifier, hint: hint, since: o.Since, sinceFile: f.since})
}

// witnessKeys returns the keys of the configured witnesses.
func (h *house) witnessKeys() (list []note.Verifier) {
	for _, w := range h.cfg.Log.Witnesses {
		if v, err := witness.NewVerifier(w.Key); err == nil { // config has checked it
			list = append(list, v)
		}
	}
	return list
}

// damagedHint says what to do about what does not match.
func (h *house) damagedHint(found []archive.Finding) string {
	if !slices.ContainsFunc(found, func(f archive.Finding) bool { return f.Kind != archive.KindPrev }) {
		return "these lines were signed as they are, so that every copy has them: nothing repairs them, and their statements can be walked back no further"
	}
	if len(h.copies.list) > 0 {
		return "onrecord verify --repair puts it right from a replica, and keeps the damaged bytes beside it; keep a copy of the bucket as it is before"
	}
	return "keep a copy of the bucket as it is before you change anything; onrecord verify --repair --from URL puts it right from a copy"
}

// leftHint says what to do about what a repair could not put right.
func leftHint(found []archive.Finding, hint string) string {
	switch {
	case slices.ContainsFunc(found, func(f archive.Finding) bool { return f.Kind == archive.KindJournal }):
		return "try every other copy there is, older ones too: onrecord verify --repair --from URL. What no copy has is given up, and visits go on: onrecord missing --give-up; where that finds nothing missing, the catalog still has it: onrecord rebuild --incomplete before"
	case slices.ContainsFunc(found, func(f archive.Finding) bool { return f.Kind != archive.KindPrev }):
		return "try every other copy there is, older ones too: onrecord verify --repair --from URL"
	}
	return hint
}

// verified verifies the archive of this machine, and compares it with what this
// machine has signed.
func (h *house) verified(ctx context.Context, o archive.VerifyOptions) (archive.Report, error) {
	bar := h.env.progress("verifying")
	o.Progress = bar.set
	rep, err := h.archive.Verify(ctx, o)
	bar.done()
	if err != nil {
		return rep, err
	}
	if err := h.checkMark(ctx); err != nil && !isMismatch(err) {
		if len(rep.Findings) == 0 {
			return rep, err
		} // else what keeps the mark from being compared is among the findings
	} else if err != nil && (errors.Is(err, ledger.ErrRolledBack) || !tells(rep.Findings, "log/")) { // else that is why it can't be compared
		rep.Findings = append(rep.Findings, archive.Finding{Kind: "ledger", Object: ledger.HeadKey, Offset: -1, Index: -1, Reason: "this machine once signed more, or other, than the bucket shows now: " + err.Error()})
	}
	return rep, nil
}

// tells reports whether a finding is of an object below a folder.
func tells(findings []archive.Finding, folder string) bool {
	return slices.ContainsFunc(findings, func(f archive.Finding) bool { return strings.HasPrefix(f.Object, folder) })
}

// A reportOf says what a report is of.
type reportOf struct {
	part    string // "3/30"; empty for everything
	key     string // which key it rests on, in words
	trusted note.Verifier
	hint    string // what to do about what does not match

	since     *ledger.Checkpoint // that the ledger was to extend; nil: none was given
	sinceFile string
}

// addTo adds to a report as JSON what it is of.
func (o reportOf) addTo(v map[string]any) map[string]any {
	v["part"], v["key"] = nil, nil
	if o.part != "" {
		v["part"] = o.part
	}
	if o.trusted != nil {
		v["key"] = fmt.Sprintf("%s+%08x", o.trusted.Name(), o.trusted.KeyHash())
	}
	return v
}

// printReport prints what was checked and found. Mismatches are an error.
func printReport(e *env, rep archive.Report, o reportOf) error {
	if e.json {
		if err := e.print(o.addTo(verifyJSON(rep)), ""); err != nil {
			return err
		}
	} else {
		part := ""
		if o.part != "" {
			part = "part " + o.part + " of the archive: "
		}
		for _, f := range rep.Findings {
			fmt.Fprintln(e.io.out, plain(findingLine(f)))
		}
		fmt.Fprintf(e.io.out, "%s%s of the ledger, %s, %s, %s, %s, %d bytes: %s\n",
			part, count(int(rep.Size), "entry", "entries"), count(int(rep.Visits), "visit", "visits"), count(int(rep.Lines), "line", "lines"),
			count(int(rep.Objects), "object", "objects"), count(int(rep.Records), "record", "records"), rep.Bytes, count(len(rep.Findings), "mismatch", "mismatches"))
		if o.part != "" && rep.Visits+rep.Objects == 0 {
			fmt.Fprintln(e.io.out, "nothing lies in this part: the archive has fewer visits than that")
		}
		printApart(e, rep)
		if o.since != nil && len(rep.Findings) == 0 {
			fmt.Fprintf(e.io.out, "the ledger extends the checkpoint of %s in %s\n", count(int(o.since.Size), "entry", "entries"), o.sinceFile)
		}
		fmt.Fprintf(e.io.out, "root %s\nchecked with %s\n", rep.Root, o.key)
	}
	if n := len(rep.Findings); n > 0 {
		return &failure{
			status: exitMismatch, hint: o.hint,
			err: fmt.Errorf("verification found %s", count(n, "mismatch", "mismatches")),
		}
	}
	return nil
}

// printApart prints what is neither right nor wrong.
func printApart(e *env, rep archive.Report) {
	for _, k := range rep.Keys[min(1, len(rep.Keys)):] {
		fmt.Fprintf(e.io.out, "key of the log since no. %d: %s\n", k.Since, plain(k.Public))
		if b := k.Begun; b.Restart() {
			fmt.Fprintf(e.io.out, "restarted there, after %s, as %s: %s is known to have had %s, and what it had from no. %d on is lost\n",
				count(int(b.At.Size), "entry", "entries"), plain(k.Origin()), plain(b.Before()), count(int(b.Last.Size), "entry", "entries"), b.At.Size)
		}
	}
	if rep.Unsigned > 0 {
		fmt.Fprintf(e.io.out, "not signed yet: %s behind the checkpoint, which vouches for nothing of them\n", count(int(rep.Unsigned), "entry", "entries"))
	}
	if rep.Erased+rep.Redacted > 0 {
		fmt.Fprintf(e.io.out, "erased, by events in the ledger: %s, %s of evidence redacted\n",
			count(int(rep.Erased), "line", "lines"), count(int(rep.Redacted), "record", "records"))
	}
	if rep.Kept > 0 {
		fmt.Fprintf(e.io.out, "erased, and still in %s: the store keeps what is erased (storage.erasure: impossible)\n", count(int(rep.Kept), "object", "objects"))
	}
	for _, number := range slices.Sorted(maps.Keys(rep.Withheld)) {
		w := rep.Withheld[number]
		fmt.Fprintf(e.io.out, "withheld: %s and %s of evidence, %d bytes, case %s (%s); what they say is not checked\n", count(int(w.Lines), "line", "lines"),
			count(int(w.Records), "record", "records"), w.Bytes, plain(number), count(int(w.Statements), "statement", "statements"))
	}
}

// keyWords says which key a verification rests on: one that did not come from
// the bucket proves more.
func (h *house) keyWords() string {
	of := "of this machine's log.key"
	if h.env.given != nil {
		of = "that was given"
	}
	if v := h.key.verifier; v != nil {
		return fmt.Sprintf("the key %s, %s+%08x", of, v.Name(), v.KeyHash())
	}
	return "the key that the bucket itself names, " + h.archive.Meta().PublicKey + ": compare it with one that you have from elsewhere"
}

// count words a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// findingLine words a mismatch: what, where, why.
func findingLine(f archive.Finding) string {
	line := f.Kind + " " + f.Object
	if f.Offset >= 0 {
		line += fmt.Sprintf(" at byte %d", f.Offset)
	}
	if f.Index >= 0 {
		line += fmt.Sprintf(" (ledger no. %d)", f.Index)
	}
	return line + ": " + about(f.Object, f.Reason)
}
