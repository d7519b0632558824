// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"onrecord/archive/files"
)

// An env is what every command has: where it reads and prints, when to stop,
// what time it is, and the flags that all commands share.
type env struct {
	io   stdio
	stop *stop
	now  func() time.Time
	// sleep waits; nil means by the real clock. A program whose clock is moved
	// by hand (the example, tests) gives one that moves it.
	sleep func(ctx context.Context, d time.Duration) error

	configPath string // -c
	json       bool   // --json
	verbose    bool   // -v
	trust      bool   // --trust-checkpoint

	keysHeld bool // this command has the lock of the log key

	given note.Verifier // verify --key: in place of this machine's log.key; nil: none

	serving bool // the store is probed afresh, and may be away at the start
	visits  bool // the command makes visits, which wait in the spool while the store is away
	patient bool // the command has the catalog to fall back on: it does not wait long for a store that is away

	helper []string // this program as the one that decodes pictures; nil: none are

	files   files.Seam // how the disk is reached; tests stand in between
	network *network   // of invented hosts, in place of the internet; nil: the internet
}

// newRoot returns the command tree.
func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "onrecord",
		Short: "Mirror what public figures say, keep the evidence, make it searchable",
		Long: `onrecord mirrors what public figures say on every platform they use. It keeps
what the platforms served as evidence, works out what was said, changed or
removed, commits every event to a transparency log, and serves a website and a
JSON API.

A first archive, in four commands:
  onrecord init my-archive          writes my-archive/onrecord.yaml and the folders
  $EDITOR my-archive/onrecord.yaml  add figures and their sources
  onrecord -c my-archive/onrecord.yaml crawl
  onrecord -c my-archive/onrecord.yaml serve`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVarP(&e.configPath, "config", "c", "onrecord.yaml", "configuration `FILE`")
	root.PersistentFlags().BoolVarP(&e.verbose, "verbose", "v", false, "say more on stderr")
	root.PersistentFlags().BoolVar(&e.json, "json", false, "print data as JSON: one object, or one a line")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &failure{status: exitUsage, hint: cmd.CommandPath() + " --help", err: err}
	})
	root.AddCommand(
		newInit(e), newCrawl(e), newSearch(e), newShow(e), newVerify(e), newWithhold(e), newUnwithhold(e), newErase(e), newRebuild(e), newMissing(e), newSnapshot(e), newServe(e), newReplicate(e), newAdopt(e), newSource(e), newSchedule(e),
		newAdd(e), newImport(e), newExport(e), newLedger(e), newDoctor(e), newConfig(e), newVersion(e), newDemo(e), newHelper(e), newExitStatusTopic(),
	)
	root.CompletionOptions.HiddenDefaultCmd = false
	strictHelp(root)
	return root
}

// addTrust adds the flag with which an operator says, once, that the ledger is
// as it should be although this machine never signed it (record.md 2).
func addTrust(cmd *cobra.Command, e *env) {
	cmd.Flags().BoolVar(&e.trust, "trust-checkpoint", false, "accept the published checkpoint on a machine that has no high-water mark (log.mark) yet: after a restore, once")
}

// usageArgs makes the mistakes that check finds usage errors (status 2) that
// say how the command is called.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		if cmd.HasSubCommands() && len(args) > 0 {
			return noCommand(cmd, args[0])
		}
		return &failure{status: exitUsage, hint: "usage: " + cmd.UseLine(), err: fmt.Errorf("%s: %s given", cmd.CommandPath(), count(len(args), "argument", "arguments"))}
	}
}

// print writes v as one line of JSON where --json was given, and text
// otherwise.
func (e *env) print(v any, text string, args ...any) error {
	if !e.json {
		_, err := fmt.Fprintf(e.io.out, text, args...)
		return err
	}
	enc := json.NewEncoder(e.io.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// say writes a message for the person at the terminal to stderr.
func (e *env) say(format string, args ...any) {
	fmt.Fprintln(e.io.err, plain(fmt.Sprintf(format, args...)))
}

// plain returns text from strangers as a terminal may show it: control and
// direction characters, which could move the cursor, change the title or turn
// words round, stand as U+FFFD. Line ends and tabs stay.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// newExitStatusTopic returns the help topic that lists the exit statuses.
func newExitStatusTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-status",
		Short: "Exit statuses, an interface for scripts",
		Long:  "Exit statuses:\n\n" + exitStatusTable(),
	}
}

// exitStatusTable words the exit statuses, a line each.
func exitStatusTable() string {
	var b strings.Builder
	for _, row := range []struct {
		code int
		text string
	}{
		{exitOK, "done"},
		{exitFailed, "something went wrong; the message says what"},
		{exitUsage, "the command line or the query was wrong"},
		{exitPartly, "finished, but something failed: sources, doors, records, checks; each is named"},
		{exitMismatch, "the record is not what was recorded: something is damaged, lost or rolled back; each is named"},
		{exitNoArchive, "no archive here"},
		{exitLocked, "locked by another process; the message names it"},
		{exitConfig, "the configuration is invalid (each problem has file, line and column), or does not fit what was asked"},
		{exitUnreachable, "the storage can't be reached"},
		{exitInterrupted, "interrupted"},
	} {
		fmt.Fprintf(&b, "  %3d  %s\n", row.code, row.text)
	}
	return b.String()
}
