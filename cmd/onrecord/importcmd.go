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
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"onrecord/config"
	"onrecord/crawler"
	"onrecord/ingest"
)

// importFlags are the flags of "onrecord import".
type importFlags struct {
	source, dated, zone, refused string
	dry, pictures                bool
}

func newImport(e *env) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import KIND PATH",
		Short: "Read a dump, an export or a mailbox into the record",
		Long: `Reads the file, or the files in the folder, PATH and adds the statements that
are not known to the record, as imported: pages say that we did not capture them
and where they come from. What was seen first-hand stays as it is. The file
itself is kept as evidence, but for mail, of which each message is kept without
its recipient.

KIND is what made the files:
` + importKinds() + `
An import may run beside "onrecord serve". Ctrl-C commits what is read; the same
command then goes on from there, as it does after a crash. A second import of
the same files adds nothing.

Exit status 3 says that some records were refused; a table says which and why.`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error { return runImport(cmd.Context(), e, args[0], args[1], f) },
	}
	cmd.Flags().StringVar(&f.source, "source", "", "import into the source with this `ID`; may be left out where one source is of that platform")
	cmd.Flags().StringVar(&f.dated, "dated", "", "when the dump was made: a `DATE` such as 2021-01-08, of which the end counts (UTC), or with time by RFC 3339; left out: what the files say, else when they were last changed")
	cmd.Flags().StringVar(&f.zone, "zone", "", "where dates without zone are at home: a `ZONE` such as Europe/Paris; for telegram (exports made until 2021), twitter and thetrumparchive")
	cmd.Flags().StringVar(&f.refused, "refused", "", "write each refused record to `FILE`, a line of JSON each")
	cmd.Flags().BoolVar(&f.pictures, "pictures", false, "for mbox: keep pictures that lie within the messages, too; look first whether they show who received them")
	cmd.Flags().BoolVarP(&f.dry, "dry-run", "n", false, "read and count, and record nothing")
	addTrust(cmd, e)
	return cmd
}

// importKinds lists the kinds for the help text.
func importKinds() string {
	var b strings.Builder
	for _, imp := range importers(nil) {
		info := imp.Info()
		fmt.Fprintf(&b, "  %-16s of %s\n", info.Kind, info.Platform)
	}
	return b.String()
}

func runImport(ctx context.Context, e *env, kind, path string, f importFlags) error {
	imp, err := importerOf(kind, f.zone)
	if err != nil {
		return err
	}
	if f.pictures && imp.Info().Kind != "mbox" {
		return usagef("--pictures: of %s, attachments are asked for where media.imports is true; only messages have them within", imp.Info().Kind)
	}
	dated, err := parseDated(f.dated)
	if err != nil {
		return err
	}
	cfg, err := e.config()
	if err != nil {
		return err
	}
	chosen, err := importInto(cfg, imp.Info(), f.source)
	if err != nil {
		return err
	}
	files, err := importFiles(path)
	if err != nil {
		return err
	}
	n := writing
	if f.dry {
		n = recordOnly
	}
	h, err := e.openWith(ctx, cfg, n)
	if err != nil {
		return err
	}
	defer h.close()
	return h.importInto(ctx, imp, files, chosen, f, dated)
}

// importInto imports files into the source with the given id.
func (h *house) importInto(ctx context.Context, imp crawler.Importer, files fs.FS, id string, f importFlags, dated time.Time) error {
	in, err := h.ingester()
	if err != nil {
		return err
	}
	s := in.Sources[slices.IndexFunc(in.Sources, func(s ingest.Source) bool { return s.ID == id })]
	if !f.dry {
		l, err := newLocks(h.cfg.StateDir)
		if err != nil {
			return err
		}
		h.recover(ctx, in, l)
		if h.env.stop.interrupted() {
			return &failure{status: exitInterrupted, hint: "run it again", err: errors.New("interrupted before the import began")}
		}
		unlock, err := l.wait(h.env.stop.soft, s.ID, "", func(msg string) { h.env.say("%s", msg) })
		if err != nil {
			return err
		}
		defer unlock()
	}
	list, err := newRefusals(f.refused)
	if err != nil {
		return err
	}
	defer collectLess()()
	bar := h.env.importProgress()
	rep, err := in.Import(ctx, s, imp, files, ingest.ImportOptions{
		Dated: dated, DryRun: f.dry, Pictures: f.pictures, Soft: h.env.stop.soft.Done(), Progress: bar.set, Refused: list.add,
	})
	bar.done()
	if err = errors.Join(err, list.close()); err != nil {
		err = importFailure(rep, err)
	}
	return errors.Join(err, h.printImport(rep, list, err == nil))
}

// collectLess has garbage collected less often until restore is called: an import
// makes much of it, and keeps little. The limit holds what that costs in memory.
// What the environment says of it counts.
func collectLess() (restore func()) {
	const percent, limit = 400, 180 << 20
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	p, l := debug.SetGCPercent(percent), debug.SetMemoryLimit(limit)
	return func() {
		debug.SetGCPercent(p)
		debug.SetMemoryLimit(l)
	}
}

// importFailure says what an import that ended early has left.
func importFailure(rep ingest.ImportReport, err error) error {
	code, hint := status(err)
	switch {
	case errors.Is(err, ingest.ErrImport):
		code = exitUsage
	case errors.Is(err, ingest.ErrNoAccount):
		code = exitConfig
	}
	var more string
	switch {
	case errors.Is(err, ingest.ErrDated):
		more = "--dated says when the dump was made; the import then begins at the beginning"
	case errors.Is(err, ingest.ErrChanged):
		more = "the import then begins at the beginning: what it finds recorded it does not record again"
	case rep.Visits > 0:
		more = "what was read until then is recorded: the same command goes on from there, and a file that is put right is read from its beginning, where nothing is recorded twice"
	}
	if hint != "" && more != "" {
		hint += "; "
	}
	hint += more
	return &failure{status: code, hint: hint, err: err}
}

// importerOf returns the importer of a kind. Zone is where dates without zone are
// at home; empty for what the importer makes of them.
func importerOf(kind, zone string) (crawler.Importer, error) {
	var at *time.Location
	if zone != "" {
		var err error
		if at, err = time.LoadLocation(zone); err != nil || zone == "Local" {
			return nil, usagef("--zone %q: no such zone; one is named as in Europe/Paris", zone)
		}
		if kind == "mbox" {
			return nil, usagef("--zone: the dates of mail carry their zones")
		}
	}
	var kinds []string
	for _, imp := range importers(at) {
		k := imp.Info().Kind
		if k == kind {
			return imp, nil
		}
		kinds = append(kinds, k)
	}
	return nil, &failure{status: exitUsage, hint: "there are " + strings.Join(kinds, ", "), err: fmt.Errorf("no import of kind %q", kind)}
}

// importInto returns the id of the source that an importer reads into: the one
// that is named, else the only one of its platform.
func importInto(cfg *config.Config, info crawler.Info, id string) (string, error) {
	var all, fitting []string
	for _, fig := range cfg.Figures {
		for _, s := range fig.Sources {
			all = append(all, s.ID)
			if s.Platform == info.Platform || info.Platform == "" {
				fitting = append(fitting, s.ID)
			}
			if s.ID == id && s.Platform != info.Platform && info.Platform != "" {
				return "", usagef("source %q is of platform %s; %s reads statements of %s", id, s.Platform, info.Kind, info.Platform)
			}
		}
	}
	switch {
	case id != "" && !slices.Contains(all, id):
		return "", &failure{status: exitUsage, hint: hintNames(all), err: fmt.Errorf("no source %q is configured", id)}
	case id != "":
		return id, nil
	case len(fitting) == 1:
		return fitting[0], nil
	case len(fitting) == 0:
		return "", &failure{status: exitConfig, hint: "add one to the configuration: id, platform and account_id; it needs no door", err: fmt.Errorf("no source of platform %s is configured", info.Platform)}
	}
	return "", &failure{status: exitUsage, hint: "--source ID, one of " + strings.Join(fitting, ", "), err: fmt.Errorf("%d sources are of platform %s", len(fitting), info.Platform)}
}

// parseDated reads the date of a dump; zero for none. A day stands for its end:
// whatever was published on it may be in the dump.
func parseDated(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, s); err == nil {
		return day.Add(24*time.Hour - time.Second), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, usagef("--dated %q: neither a date such as 2021-01-08 nor a time by RFC 3339", s)
}

// importFiles returns the files at path: those of a folder, or the one file.
func importFiles(path string) (fs.FS, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &failure{status: exitUsage, err: err}
	}
	if info.IsDir() {
		return os.DirFS(path), nil
	}
	return oneFile{os.DirFS(filepath.Dir(path)), filepath.Base(path)}, nil
}

// A oneFile is a folder in which only one file is seen.
type oneFile struct {
	dir  fs.FS
	name string
}

func (o oneFile) Open(name string) (fs.File, error) {
	switch name {
	case o.name:
		return o.dir.Open(name)
	case ".":
		d, err := o.dir.Open(name)
		if err != nil {
			return nil, err
		}
		info, err := fs.Stat(o.dir, o.name)
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		return &oneEntry{File: d, entry: fs.FileInfoToDirEntry(info)}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// A oneEntry is a folder's listing with one file in it.
type oneEntry struct {
	fs.File
	entry fs.DirEntry
	read  bool
}

func (o *oneEntry) ReadDir(n int) ([]fs.DirEntry, error) {
	switch {
	case !o.read:
		o.read = true
		return []fs.DirEntry{o.entry}, nil
	case n > 0:
		return nil, io.EOF
	}
	return nil, nil
}

// dumpDate words the date of a dump.
func dumpDate(rep ingest.ImportReport) string {
	return dateWord(rep.Dated) + " (" + rep.DatedBy + ")"
}

func dateWord(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// printImport prints what an import did, and what it refused. ended says that it
// met no error.
func (h *house) printImport(rep ingest.ImportReport, list *refusals, ended bool) error {
	if h.env.json {
		out := struct {
			ingest.ImportReport
			Reasons []reason `json:"refused_by_reason"`
		}{rep, list.byReason()}
		if err := h.env.print(out, ""); err != nil {
			return err
		}
	} else {
		h.printImportText(rep, list)
	}
	switch {
	case !ended:
		return nil
	case rep.Stopped:
		return &failure{status: exitInterrupted, hint: "the same command goes on from there", err: fmt.Errorf("interrupted after %d records", rep.Records)}
	case rep.Refused > 0:
		return &failure{status: exitPartly, err: fmt.Errorf("%d of %d records were refused", rep.Refused, rep.Records)}
	}
	return nil
}

func (h *house) printImportText(rep ingest.ImportReport, list *refusals) {
	out := h.env.io.out
	if rep.SHA256 == "" {
		return
	}
	fmt.Fprintf(out, "%s, %s, SHA-256 %s\n", count(rep.Files, "file", "files"), byteSize(rep.Size), rep.SHA256)
	if rep.Already {
		fmt.Fprintf(out, "already imported into %s, dated %s: nothing to do (--dated with another date reads it again)\n", rep.Source, dateWord(rep.Dated))
		return
	}
	if !rep.Redated.IsZero() {
		fmt.Fprintf(out, "read again from the beginning: an earlier import of it was dated %s, and what that recorded keeps its date\n", dateWord(rep.Redated))
	}
	fmt.Fprintf(out, "dated %s\n", dumpDate(rep))
	if rep.Resumed > 0 {
		fmt.Fprintf(out, "went on after record %d, where an earlier import had stopped\n", rep.Resumed)
	}
	rows := []struct {
		n    int64
		what string
	}{
		{rep.Records, "records"}, {rep.Items, "statements read"}, {rep.Created, "  new"}, {rep.Known, "  known"},
		{rep.Readings, "  other wordings of known ones"}, {rep.Deleted, "reported deleted"}, {rep.Events, fmt.Sprintf("events, in %s", count(rep.Visits, "visit", "visits"))},
		{rep.Refused, "refused"},
	}
	if rep.DryRun {
		rows = []struct {
			n    int64
			what string
		}{rows[0], rows[1], rows[7]}
	}
	for _, r := range rows {
		fmt.Fprintf(out, "%10d  %s\n", r.n, r.what)
	}
	rate := float64(rep.Items) / max(rep.Seconds, 0.001)
	fmt.Fprintf(out, "%.1f s, %.0f statements a second\n", rep.Seconds, rate)
	list.print(out)
	if rep.DryRun {
		fmt.Fprintln(out, "nothing was recorded: --dry-run")
	}
}

// byteSize words a size.
func byteSize(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f KB", float64(n)/1e3)
}
