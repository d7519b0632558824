// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"onrecord/archive"
	"onrecord/archive/bucket"
	"onrecord/config"
)

// An initFlags holds the flags of `init`.
type initFlags struct {
	name, operator, email, url, origin string
	storage, credentials               string
}

func newInit(e *env) *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init DIR",
		Short: "Make a new archive",
		Long: `Makes a new archive in DIR:

  DIR/onrecord.yaml        the configuration, with comments
  DIR/bucket/              the record: back this up
  DIR/.onrecord/log.key    the key that signs the ledger: back this up, elsewhere

With --storage s3://bucket/prefix?endpoint=https://… the record is kept in that
bucket of an S3 store, which must be there; what the store does with conditional
writes is tried first. DIR then holds configuration, key, spool and catalog.

DIR is made if it is not there. An archive that is there is left alone.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runInit(cmd.Context(), e, f, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "Archive Example", "`NAME` of the archive, as every page shows it")
	fl.StringVar(&f.operator, "operator", "Example e.V.", "`NAME` of the person or body that runs it")
	fl.StringVar(&f.email, "email", "desk@archive.example", "`ADDRESS` at which the operator can be reached; it goes into the User-Agent")
	fl.StringVar(&f.url, "url", "http://127.0.0.1:8080", "public `ADDRESS` of the website")
	fl.StringVar(&f.origin, "origin", "", "`NAME` of the ledger, fixed for ever (default: host of --url, then /log)")
	fl.StringVar(&f.storage, "storage", "", "`URL` of the store: file:///folder, or s3://bucket/prefix?endpoint=https://host&region=name (default: the folder bucket in DIR)")
	fl.StringVar(&f.credentials, "credentials", "", "`FILE` with access_key and secret_key for an S3 store, mode 0600 (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)")
	return cmd
}

func runInit(ctx context.Context, e *env, f initFlags, dir string) error {
	at, err := initArchive(ctx, e, f, dir)
	if err != nil {
		return byFlags(err)
	}
	out := struct {
		Config string `json:"config"`
		Bucket string `json:"bucket"`
		Key    string `json:"key"`
		Origin string `json:"origin"`
		Public string `json:"public_key"`
	}{at.config, at.bucket, filepath.Join(at.state, keyFile), at.origin, at.public}
	if err := e.print(out, "archive made in %s\nledger %s, public key %s\n", dir, out.Origin, out.Public); err != nil {
		return err
	}
	if !e.json {
		e.say("next:\n  edit %s: figures and their sources\n  onrecord -c %s crawl\n  onrecord -c %s serve", at.config, at.config, at.config)
		e.say("keep a copy of %s on another machine: nothing can be added to the ledger without it", out.Key)
	}
	return nil
}

// byFlags words what to do about err by the flags of init: there is no
// configuration yet.
func byFlags(err error) error {
	code, hint := status(err)
	if code == exitUnreachable && (hint == spoolHint || hint == againHint) {
		hint = "is --storage right, and does the store run?"
	}
	if hint = strings.NewReplacer("storage.credentials", "--credentials", "storage.url", "--storage").Replace(hint); hint == "" {
		return err
	}
	return &failure{status: code, hint: hint, err: err}
}

// flagProblems words what is wrong with a new configuration by the flags that it
// was made of.
func flagProblems(err error) error {
	wrong, ok := errors.AsType[*config.Error](err)
	if !ok {
		return &failure{status: exitUsage, err: err}
	}
	flags := map[string]string{
		"archive.name": "--name", "archive.operator.name": "--operator", "archive.operator.email": "--email", "archive.url": "--url",
		"log.origin": "--origin", "storage.url": "--storage", "storage.credentials": "--credentials",
	}
	var errs []error
	for _, p := range wrong.Problems {
		if p.Path == "crawl.contact" { // what --email says, once more
			continue
		}
		text := cmp.Or(flags[p.Path], p.Path) + ": " + p.Message
		if p.Hint != "" {
			text += " (" + p.Hint + ")"
		}
		errs = append(errs, errors.New(text))
	}
	return &failure{status: exitUsage, err: errors.Join(errs...)}
}

// A place is where the parts of a new archive are.
type place struct {
	config, bucket, state string
	origin, public        string
}

// initArchive makes the folders, the key, the record and last the
// configuration: what is left of an attempt that failed is no archive.
func initArchive(ctx context.Context, e *env, f initFlags, dir string) (place, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return place{}, err
	}
	at := place{config: filepath.Join(abs, "onrecord.yaml"), bucket: filepath.Join(abs, "bucket"), state: filepath.Join(abs, ".onrecord"), origin: f.origin}
	if at.origin == "" {
		if at.origin, err = originOf(f.url); err != nil {
			return at, err
		}
	}
	if _, err := os.Lstat(at.config); err == nil {
		return at, &failure{status: exitFailed, hint: "choose another folder", err: fmt.Errorf("%s is there already", at.config)}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return at, err
	}
	store, err := f.store(abs)
	if err != nil {
		return at, err
	}
	text := config.Template(config.Config{
		Archive: config.Archive{Name: f.name, Operator: config.Operator{Name: f.operator, Email: f.email}, URL: f.url},
		Storage: config.Storage{Store: store},
		Log:     config.Log{Origin: at.origin},
	})
	cfg, err := config.Parse(at.config, text, configOptions())
	if err != nil {
		return at, flagProblems(err)
	}
	if err := os.MkdirAll(at.state, 0o700); err != nil {
		return at, err
	}
	b, err := e.newBucket(ctx, cfg)
	if err != nil {
		return at, err
	}
	at.bucket = cfg.Storage.URL
	if folder, err := bucketFolder(cfg.Storage.URL); err == nil {
		at.bucket = folder
	}
	signer, public, err := newLogKey(at.state, at.origin)
	if err != nil {
		return at, err
	}
	at.public = public
	err = archive.Init(ctx, b, archive.Options{
		Name: f.name, Origin: at.origin, PublicKey: public, StateDir: at.state, Signer: signer,
		Now: e.now, Log: e.logger(), Software: "onrecord/" + version(),
	})
	if errors.Is(err, archive.ErrExists) && made(ctx, b, f.name, at) {
		err = nil
	}
	if errors.Is(err, archive.ErrExists) {
		return at, &failure{status: exitFailed, hint: "name another place with --storage; or, if nothing that is there counts, empty it", err: fmt.Errorf("init %s: %w", at.bucket, err)}
	}
	if err != nil {
		return at, fmt.Errorf("init %s: %w", at.bucket, err)
	}
	return at, errors.Join(writeNew(at.config, text, 0o644), syncFolder(filepath.Dir(abs)))
}

// made reports whether the archive in b is what init makes with the key at hand:
// by an attempt before this one that could not write the configuration.
func made(ctx context.Context, b bucket.Bucket, name string, at place) bool {
	meta, origin, err := archive.MetaOf(ctx, b)
	return err == nil && meta.Name == name && origin == at.origin && meta.PublicKey == at.public
}

// store returns where the record of a new archive in dir is kept.
func (f initFlags) store(dir string) (config.Store, error) {
	var s config.Store
	var err error
	if f.credentials != "" {
		if s.Credentials, err = filepath.Abs(f.credentials); err != nil {
			return s, err
		}
	}
	s.URL = f.storage
	if s.URL == "" {
		s.URL = (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(dir, "bucket"))}).String()
	}
	return s, nil
}

// newBucket opens the bucket of a new archive, after it has shown what it can
// do. A folder is made; a bucket of an S3 store must be there.
func (e *env) newBucket(ctx context.Context, cfg *config.Config) (bucket.Bucket, error) {
	if !isS3(cfg.Storage.URL) {
		folder, err := bucketFolder(cfg.Storage.URL)
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	if err := e.checkStore(ctx, cfg.Storage.Store, cfg.StateDir, true); err != nil {
		return nil, err
	}
	return e.openBucket(ctx, cfg.Storage.Store)
}

// originOf derives the name of a new ledger from the address of the website.
func originOf(site string) (string, error) {
	u, err := url.Parse(site)
	if err != nil || u.Host == "" {
		return "", usagef("--url %q: want an address such as https://archive.example", site)
	}
	return u.Host + "/log", nil
}
