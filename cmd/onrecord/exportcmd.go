// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"onrecord"
	"onrecord/archive/wacz"
	"onrecord/search"
)

func newExport(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Hand evidence to others, in files that their tools read",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newExportWACZ(e))
	return cmd
}

// An exportFlags holds the flags of `export wacz`.
type exportFlags struct {
	day, query, out  string
	figures, account []string
	byQuery          bool
}

func newExportWACZ(e *env) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "wacz [STATEMENT-ID] -o FILE",
		Short: "Pack statements with their captures and proofs as WACZ " + wacz.Version,
		Long: `Packs one statement, the statements of a day, or what a search finds, with the
captures that prove them, into one WACZ ` + wacz.Version + ` file, which replay tools open. The
WARC records are the bytes that lie in the bucket, requests beside them; with
each statement stand its journal lines and their proofs. At most 2,000
statements go into a package.

What is withheld or erased never enters. A capture that also holds such a
statement is left out, and the package says so (onrecord/notes.json). The same
state of the record gives the same file.`,
		Example: `  onrecord export wacz 9k3v0q7mzc2xw4ta -o statement.wacz
  onrecord export wacz --day 2026-08-04 --figure jane-example -o day.wacz
  onrecord export wacz --search '"harbour bridge" is:deleted' -o - | ssh host 'cat > found.wacz'`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.byQuery = cmd.Flags().Changed("search")
			return runExport(cmd.Context(), e, f, args)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.day, "day", "", "the statements of this UTC `DAY`, 2026-08-04, by the time that their platform gives")
	fl.StringVar(&f.query, "search", "", "the statements that this `QUERY` finds, as onrecord search does")
	fl.StringSliceVar(&f.figures, "figure", nil, "with --day or --search: only of this figure, by `SLUG`; may be repeated")
	fl.StringSliceVar(&f.account, "account", nil, "with --day or --search: only of this account, `PLATFORM/ID` or PLATFORM/HANDLE; may be repeated")
	fl.StringVarP(&f.out, "output", "o", "", "`FILE` to write, which must not be there yet; - for stdout")
	return cmd
}

// check reports a command line that makes no sense.
func (f exportFlags) check(args []string, stdout io.Writer) error {
	ways := len(args)
	if f.byQuery {
		ways++
	}
	if f.day != "" {
		ways++
	}
	switch {
	case len(args) == 1 && ways > 1:
		return usagef("a statement's id stands alone: --day and --search find others")
	case ways == 0:
		return usagef("say what to pack: a statement's id, --day or --search")
	case len(args) == 1 && len(f.figures)+len(f.account) > 0:
		return usagef("--figure and --account narrow --day and --search; a statement's id stands alone")
	case f.out == "":
		return usagef("-o FILE says where to write; -o - writes to stdout")
	case f.out != "-" && !strings.HasSuffix(f.out, ".wacz"):
		return usagef("-o %s: the name of a WACZ file ends with .wacz", f.out)
	}
	if file, ok := stdout.(*os.File); ok && f.out == "-" && term.IsTerminal(int(file.Fd())) {
		return usagef("-o - would write a ZIP file to the terminal: send it to a file or a program")
	}
	for _, a := range f.account {
		if platform, name, ok := strings.Cut(a, "/"); !ok || platform == "" || name == "" {
			return usagef("--account %s: want PLATFORM/ID or PLATFORM/HANDLE, such as telegram/janeoffice", a)
		}
	}
	_, err := f.date()
	return err
}

// date returns the day that was asked for; the zero time for none.
func (f exportFlags) date() (time.Time, error) {
	if f.day == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, f.day)
	if err != nil {
		return day, usagef("--day %s: want a day such as 2026-08-04", f.day)
	}
	return day, nil
}

func runExport(ctx context.Context, e *env, f exportFlags, args []string) error {
	if err := f.check(args, e.io.out); err != nil {
		return err
	}
	if _, err := os.Lstat(f.out); f.out != "-" && err == nil {
		return &failure{status: exitUsage, hint: "give another name, or take the file away", err: fmt.Errorf("%s is there already; nothing is overwritten", f.out)}
	}
	h, err := e.open(ctx, reading)
	if err != nil {
		return err
	}
	defer h.close()
	p := h.packer()
	title, ids, err := f.selection(ctx, h, p, args)
	if err != nil {
		return err
	}
	plan, err := p.plan(ctx, title, ids)
	if err != nil {
		return err
	}
	if err := plan.refuse(len(ids)); err != nil {
		return err
	}
	var notes packNotes
	size, err := toFile(f.out, e.io.out, func(w io.Writer) (err error) {
		bar := e.progress("packing")
		defer bar.done()
		notes, err = p.write(ctx, w, plan, bar.set)
		return err
	})
	if err != nil {
		return err
	}
	return e.exported(f, notes, size)
}

// refuse says why nothing can be packed.
func (plan *packPlan) refuse(asked int) error {
	switch {
	case asked == 0:
		return errors.New("no statement is found; nothing is written")
	case len(plan.statements) == 0:
		return errors.New("the statement is withheld; nothing is written")
	case len(plan.refs) == 0 && len(plan.left) > 0:
		return fmt.Errorf("nothing is written: each capture is left out, the first because %s", plan.left[0].Why)
	case len(plan.refs) == 0:
		return errors.New("nothing is written: there is no capture of any of them")
	}
	return nil
}

// exported says what was written. A package on stdout leaves stderr for that.
func (e *env) exported(f exportFlags, notes packNotes, size int64) error {
	for _, l := range notes.LeftOut {
		e.say("left out: the record at offset %d of %s: %s", l.Offset, l.Object, l.Why)
	}
	words := fmt.Sprintf("%s: %s, %s, %d bytes", f.out, count(notes.Statements, "statement", "statements"), count(notes.Records, "record", "records"), size)
	if f.out == "-" {
		e.say("%s", strings.TrimPrefix(words, "-: "))
		return nil
	}
	return e.print(map[string]any{
		"file": f.out, "bytes": size, "statements": notes.Statements, "records": notes.Records, "left_out": notes.LeftOut,
		"payload_elsewhere": notes.Elsewhere, "log_size": notes.LogSize, "log_root": notes.LogRoot,
	}, "%s\n", words)
}

// selection returns what is to be packed, and the title of it.
func (f exportFlags) selection(ctx context.Context, h *house, p packer, args []string) (string, []onrecord.StatementID, error) {
	if len(args) == 1 {
		return f.one(ctx, h, args[0])
	}
	known, err := h.slugs(ctx)
	if err != nil {
		return "", nil, err
	}
	for _, slug := range f.figures {
		if !slices.Contains(known, slug) {
			return "", nil, &failure{status: exitUsage, hint: hintNames(known), err: fmt.Errorf("--figure %s: the archive has no such figure", slug)}
		}
	}
	r, err := searchFlags{figures: f.figures, sort: string(search.Oldest), tz: "UTC", limit: 200}.request(f.query, search.ParseOptions{Now: h.env.now(), Figures: known})
	if err != nil {
		return "", nil, err
	}
	if r.Accounts, err = f.accounts(ctx, h); err != nil {
		return "", nil, err
	}
	title := "Statements"
	if day, _ := f.date(); !day.IsZero() {
		r.Since, r.Until = day, day.AddDate(0, 0, 1)
		title += " of " + f.day
	}
	if f.byQuery {
		title += " found for “" + r.Query.String() + "”"
	}
	ids, err := p.find(ctx, r)
	return h.cfg.Archive.Name + ": " + title, ids, err
}

// one finds a statement by id or address.
func (f exportFlags) one(ctx context.Context, h *house, arg string) (string, []onrecord.StatementID, error) {
	ids, err := statementIDs(ctx, arg, h.catalog)
	if err != nil {
		return "", nil, err
	}
	for _, id := range ids {
		s, err := h.catalog.Statement(ctx, id)
		if err == nil {
			return packTitle(s), []onrecord.StatementID{id}, nil
		}
		if !errors.Is(err, onrecord.ErrNotFound) {
			return "", nil, err
		}
	}
	return "", nil, fmt.Errorf("the archive holds no statement %.300s", arg)
}

// accounts returns the stable ids of the accounts that were named.
func (f exportFlags) accounts(ctx context.Context, h *house) ([]string, error) {
	var list []string
	for _, a := range f.account {
		platform, name, _ := strings.Cut(a, "/")
		found, err := h.catalog.AccountsNamed(ctx, platform, strings.TrimPrefix(name, "@"))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, usagef("--account %s: the archive has no such account", a)
		}
		for _, one := range found {
			list = append(list, one.Platform+"/"+one.ID)
		}
	}
	return list, nil
}

// toFile writes a new file, whole or not at all, and returns its size. "-" is
// stdout.
func toFile(name string, stdout io.Writer, write func(w io.Writer) error) (size int64, err error) {
	if name == "-" {
		c := &counted{w: stdout}
		err := write(c)
		return c.n, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".part-*")
	if err != nil {
		return 0, err
	}
	defer func() {
		if gone := os.Remove(tmp.Name()); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	c := &counted{w: tmp}
	err = write(c)
	if err == nil {
		_ = tmp.Chmod(0o644) // sticks and shares have modes of their own
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return 0, err
	}
	err = os.Link(tmp.Name(), name)
	if err != nil && !errors.Is(err, fs.ErrExist) { // sticks and shares know no links
		err = overOwn(tmp.Name(), name)
	}
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s came into being meanwhile; nothing is overwritten", name)
	}
	return c.n, err
}

// overOwn renames a file to a name that it takes first: whoever else has it by then
// keeps it.
func overOwn(from, to string) error {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Rename(from, to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// A counted counts what is written.
type counted struct {
	w io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
