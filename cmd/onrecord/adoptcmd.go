// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/config"
)

// stillAlive is how recent the last visit in a replica is for the old archive to
// be taken for running still.
const stillAlive = time.Hour

// An adoptFlags holds the flags of `adopt`.
type adoptFlags struct {
	operator, email, url, credentials string
	key, oldKey, reason               string
	storage                           string
	allow                             []string
	incomplete, quick, noActs         bool
}

func newAdopt(e *env) *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt URL [DIR]",
		Short: "Make a replica the archive, on an empty machine",
		Long: `Makes the replica at URL (file:///folder or s3://bucket/prefix?endpoint=…) the
archive: for the day on which the machine, the host or the account of the old one
is gone. Its ledger goes on where the replica ends, with the event
archive.adopted, which brings a new log key; the states of the sources are rebuilt
from the ledger. Then "onrecord serve" serves it.

  DIR/onrecord.yaml        the configuration: yours if it is there already (put back
                           your backup first), else a new one with the sources that
                           the record knows, whose doors you add
  DIR/.onrecord/log.key    the new key that signs the ledger: back this up, elsewhere

With --old-key the change of the key is signed by the old one, and who checks with
the old public key goes on without doing anything. Without, readers must get the
new public key from you. --key is the public key of the old archive, from outside
the replica: with it, the replica is not believed but checked.

URL may also be the address of a website that shows the archive (https://…): then
all that it shows is first copied to --storage; what it withholds is missing there.

What the store does with conditional writes is tried first, as by "onrecord init".
Then everything that the ledger names is read and compared with its SHA-256; what is
missing or damaged is named, and ends the command with exit status 5, unless
--incomplete is given. With --quick only lengths are compared: that takes seconds
where reading all media takes hours, and leaves the rest to "onrecord verify". The
old archive must not go on: two that do are two histories.`,
		Args: usageArgs(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 2 {
				dir = args[1]
			}
			return inAdopt(runAdopt(cmd.Context(), e, f, args[0], dir))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.operator, "operator", "Example e.V.", "`NAME` of the person or body that runs it, in a new configuration")
	fl.StringVar(&f.email, "email", "desk@archive.example", "`ADDRESS` at which the operator can be reached, in a new configuration")
	fl.StringVar(&f.url, "url", "http://127.0.0.1:8080", "public `ADDRESS` of the website, in a new configuration")
	fl.StringVar(&f.credentials, "credentials", "", "`FILE` with access_key and secret_key of an S3 store")
	fl.StringVar(&f.key, "key", "", "public `KEY` of the old archive, from outside the replica")
	fl.StringVar(&f.oldKey, "old-key", "", "`FILE` with the log key of the old archive (log.key), if you have it")
	fl.StringVar(&f.storage, "storage", "", "`URL` of the empty place for what is copied from a website (default: the folder DIR/bucket)")
	fl.StringSliceVar(&f.allow, "allow-address", nil, "reach a website in this private `NETWORK`, such as 127.0.0.0/8")
	fl.StringVar(&f.reason, "reason", "", "why, in `WORDS` that everybody may read")
	fl.BoolVar(&f.quick, "quick", false, "look at the length of each object alone, and not at its bytes")
	fl.BoolVar(&f.incomplete, "incomplete", false, "adopt a replica that is not whole, too, and give up what it lacks of the journal")
	fl.BoolVar(&f.noActs, "no-acts", false, "no lost visit withheld or erased anything, or you will withhold or erase it again")
	return cmd
}

// badKey reports a --key that is none.
func badKey(err error) error {
	return usagef("--key: %v; it reads name+hash+key: copy it whole, as the page About of the website prints it", err)
}

// isStoreError reports whether err is of an S3 store, or of the credentials for it.
func isStoreError(err error) bool {
	_, _, answered := storeStatus(err)
	return answered || errors.Is(err, errNoCredentials)
}

// inAdopt gives an error the hint that fits this command, which is told by flags
// what others read in a configuration.
func inAdopt(err error) error {
	code, hint := status(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, archive.ErrNoArchive):
		hint = "is URL right, with its prefix? nothing was ever replicated to it"
	case errors.Is(err, archive.ErrKey) && hint == keyHint:
		hint = "is URL a replica of that archive? its key stands on the page About of its website; onrecord init and onrecord ledger status print it"
	case isStoreError(err):
		hint = strings.NewReplacer("storage.credentials", "--credentials", "storage.url", "URL").Replace(hint)
	}
	return &failure{status: code, hint: hint, err: err}
}

// An adopting is one run of `adopt`.
type adopting struct {
	e       *env
	f       adoptFlags
	address string // as it was given
	store   config.Store
	config  string // path
	state   string // directory
	have    bool   // the configuration is there already
	b       bucket.Bucket
	meta    archive.Meta
	origin  string
}

func runAdopt(ctx context.Context, e *env, f adoptFlags, address, dir string) error {
	a := &adopting{e: e, f: f, address: address, store: config.Store{URL: address, Credentials: f.credentials}}
	site := isSite(address)
	if site {
		if err := a.storeFor(dir); err != nil {
			return err
		}
	} else if err := checkReplicaURL(address); err != nil {
		return err
	}
	if err := a.place(dir); err != nil {
		return err
	}
	var err error
	if a.b, err = e.openBucket(ctx, a.store); err != nil {
		return err
	}
	if site {
		if err := a.mayHold(ctx); err != nil {
			return err
		}
		if err := a.copyFrom(ctx, address); err != nil {
			return err
		}
	}
	if a.meta, a.origin, err = archive.MetaOf(ctx, a.b); err != nil {
		return fmt.Errorf("replica %s: %w", address, err)
	}
	if !site {
		if err := a.mayHold(ctx); err != nil {
			return err
		}
	}
	o, err := a.options()
	if err != nil {
		return err
	}
	bar := e.progress("looking for what the ledger names")
	o.Progress = bar.set
	began := e.now()
	got, err := archive.Adopt(ctx, a.b, o)
	bar.done()
	if errors.Is(err, archive.ErrIncomplete) {
		for _, m := range got.Lacking {
			fmt.Fprintf(e.io.out, "missing: %s\n", plain(findingLine(m)))
		}
		return &failure{status: exitMismatch, hint: "bring the replica up to date from another one, or --incomplete", err: err}
	}
	if errors.Is(err, archive.ErrReplica) {
		return &failure{status: exitConfig, hint: "an archive is served as it is: name it in storage.url; onrecord doctor says how it fares", err: err}
	}
	if err != nil {
		return err
	}
	if err := a.configure(got); err != nil {
		return err
	}
	return a.report(got, o.Public, e.now().Sub(began))
}

// mayHold refuses a place that can't hold an archive, before anything is written
// there: a store that was good enough for a copy may break a commit.
func (a *adopting) mayHold(ctx context.Context) error {
	return a.e.checkStore(ctx, a.store, a.state, true)
}

// place finds out where configuration and state are to be, and reads the
// configuration that is there.
func (a *adopting) place(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	a.config, a.state = filepath.Join(abs, "onrecord.yaml"), filepath.Join(abs, ".onrecord")
	if a.store.Credentials != "" {
		if a.store.Credentials, err = filepath.Abs(a.store.Credentials); err != nil {
			return err
		}
	}
	cfg, err := config.Load(a.config, configOptions())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case cfg.Storage.URL != a.store.URL:
		return &failure{status: exitConfig, hint: "set storage.url in it to the replica's address, and take the replica out of storage.replicas",
			err: fmt.Errorf("%s has the archive at %s", a.config, cfg.Storage.URL)}
	default:
		a.have, a.state = true, cfg.StateDir
		if a.store.Credentials == "" {
			a.store.Credentials = cfg.Storage.Credentials
		}
	}
	return os.MkdirAll(a.state, 0o700)
}

// options makes the new key and reads the old one.
func (a *adopting) options() (archive.AdoptOptions, error) {
	o := archive.AdoptOptions{StateDir: a.state, Reason: a.f.reason, Partial: a.f.incomplete, NoActs: a.f.noActs, Quick: a.f.quick || isSite(a.address), Now: a.e.now}
	if a.f.key != "" {
		v, err := note.NewVerifier(a.f.key)
		if err != nil {
			return o, badKey(err)
		}
		o.Verifier = v
	}
	if a.f.oldKey != "" {
		b, err := os.ReadFile(a.f.oldKey)
		if err != nil {
			return o, &failure{status: exitUsage, err: fmt.Errorf("--old-key: %w", err)}
		}
		private := strings.TrimSpace(string(b))
		if o.Old, err = note.NewSigner(private); err != nil {
			return o, usagef("--old-key: %s is no log key", a.f.oldKey)
		}
		if o.Verifier == nil {
			if o.Verifier, err = verifierOf(private); err != nil {
				return o, usagef("--old-key: %s: %v", a.f.oldKey, err)
			}
		}
	}
	var err error
	if o.Signer, o.Public, err = newLogKey(a.state, a.origin); err != nil {
		return o, err
	}
	if o.Old != nil && o.Old.KeyHash() == o.Signer.KeyHash() {
		return o, &failure{status: exitConfig, hint: "move it elsewhere, and give it with --old-key: the archive gets a new key",
			err: fmt.Errorf("%s is the old key", filepath.Join(a.state, keyFile))}
	}
	return o, nil
}

// configure writes a configuration, where there is none.
func (a *adopting) configure(got archive.Adopted) error {
	if a.have {
		return nil
	}
	c := config.Config{
		Archive: config.Archive{Name: a.meta.Name, Operator: config.Operator{Name: a.f.operator, Email: a.f.email}, URL: a.f.url},
		Storage: config.Storage{Store: a.store}, Log: config.Log{Origin: a.origin}, Figures: figuresOf(got.Known),
	}
	text := config.Template(c)
	if _, err := config.Parse(a.config, text, configOptions()); err != nil {
		return fmt.Errorf("the archive is adopted; its configuration can't be written by this program: %w", err)
	}
	return writeNew(a.config, text, 0o644)
}

// figuresOf makes figures of the sources that the record knows: without doors
// and schedules, which it does not hold.
func figuresOf(known []archive.KnownSource) []config.Figure {
	var list []config.Figure
	for _, k := range known {
		if k.Figure == "" || k.Account.Platform == "" {
			continue
		}
		if n := len(list); n == 0 || list[n-1].Slug != k.Figure {
			list = append(list, config.Figure{Slug: k.Figure, Name: nameOfSlug(k.Figure)})
		}
		f := &list[len(list)-1]
		f.Sources = append(f.Sources, config.Source{ID: k.Source, Platform: k.Account.Platform, AccountID: k.Account.ID})
	}
	return list
}

// nameOfSlug makes a name of a slug: "jane-example" is "Jane Example".
func nameOfSlug(slug string) string {
	words := strings.Split(slug, "-")
	for i, w := range words {
		r, n := utf8.DecodeRuneInString(w)
		if n > 0 {
			words[i] = string(unicode.ToUpper(r)) + w[n:]
		}
	}
	return strings.Join(words, " ")
}

// report says what was done, and what is to be done.
func (a *adopting) report(got archive.Adopted, public string, took time.Duration) error {
	out := struct {
		Config   string        `json:"config"`
		Key      string        `json:"key"`
		Origin   string        `json:"origin"`
		Public   string        `json:"public_key"`
		Old      string        `json:"old_public_key"`
		Before   int64         `json:"adopted_size"`
		Index    int64         `json:"log_index"`
		Sources  int           `json:"sources"`
		Lacking  []findingJSON `json:"missing"`
		Seconds  float64       `json:"seconds"`
		SignedBy bool          `json:"signed_by_old_key"`
	}{a.config, filepath.Join(a.state, keyFile), a.origin, public, got.Old, got.Before.Size, got.Index, len(got.Known), findingsJSON(got.Lacking), took.Seconds(), a.f.oldKey != ""}
	if err := a.e.print(out, "archive %q adopted at ledger no. %d, with %s, in %.1f s\nledger %s, public key %s\n",
		a.meta.Name, got.Index, count(len(got.Known), "source", "sources"), took.Seconds(), out.Origin, out.Public); err != nil {
		return err
	}
	segments := 0
	for _, m := range got.Lacking {
		a.e.say("missing: %s", findingLine(m))
		if m.Kind == archive.KindJournal {
			segments++
		}
	}
	if segments > 0 {
		a.e.say("warning: %s can't be read, and %s given up in the ledger: the site shows everything else. Another copy may have them: onrecord -c %s verify --repair --from URL",
			count(segments, "segment of the journal", "segments of the journal"), count(linesIn(got.GaveUp), "line is", "lines are"), a.config)
	}
	if n := linesIn(got.Left); n > 0 {
		a.e.say("warning: %s lost and not given up yet: they are more than one entry of the ledger names. onrecord -c %s missing --give-up gives up the rest", count(n, "more line is", "more lines are"), a.config)
	}
	if n := linesIn(got.Unsettled); n > 0 {
		a.e.say("warning: %s may be of decisions to withhold or erase, and no statement is shown until they are put back, or you say that they are none: onrecord -c %s missing --give-up --no-acts", count(n, "lost line", "lost lines"), a.config)
	}
	if age := a.e.now().Sub(got.Last); !got.Again && !got.Last.IsZero() && age < stillAlive {
		a.e.say("warning: the last visit in the replica was begun %s ago. If the old archive still runs, stop it now: two that go on from one ledger are two histories", age.Round(time.Second))
	}
	if a.f.key == "" && a.f.oldKey == "" {
		a.e.say("note: the replica was checked with the key that it names itself, %s: compare it with one that you have from elsewhere", got.Old)
	}
	if a.f.oldKey == "" {
		a.e.say("note: the old key has not signed this: tell your readers the new public key")
	}
	if !a.e.json {
		todo := "next:\n"
		if !a.have {
			todo += fmt.Sprintf("  edit %s: who you are, names of figures, doors and schedules of sources\n", a.config)
		}
		a.e.say(todo+"  onrecord -c %s serve\n  onrecord -c %s verify", a.config, a.config)
		a.e.say("keep a copy of %s on another machine, and name a new replica under storage.replicas", out.Key)
	}
	return nil
}
