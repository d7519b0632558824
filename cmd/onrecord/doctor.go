// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"onrecord/config"
)

// A finding of the doctor: how bad it is, where, what, and what to do.
type symptom struct {
	Level string `json:"level"` // ok, warn, fail
	Area  string `json:"area"`
	What  string `json:"what"`
	Do    string `json:"do,omitempty"`
}

// A doctor collects what it finds.
type doctor struct {
	env     *env
	write   bool
	offline bool
	copies  bool // replicas are configured
	found   []symptom
	named   map[string]bool // errors of the archive that a failure has told
}

func (d *doctor) ok(area, format string, args ...any) {
	d.found = append(d.found, symptom{Level: "ok", Area: area, What: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(area, do, format string, args ...any) {
	d.found = append(d.found, symptom{Level: "warn", Area: area, What: fmt.Sprintf(format, args...), Do: do})
}

// fail notes a failure. What has been told of the archive under another area is not
// told again: several checks may meet the same damage. Each replica, source and host
// is named, whatever another has.
func (d *doctor) fail(area, do, format string, args ...any) {
	if do == spoolHint {
		do = "is its address right, and the network there? Nothing acknowledged is lost"
	}
	others := area == "replica" || area == "robots" || strings.HasPrefix(area, "source ")
	for i, arg := range args {
		err, ok := arg.(error)
		if !ok {
			continue
		}
		text := told(err)
		args[i] = text
		if others {
			continue
		}
		if d.named[text] {
			return
		}
		if d.named == nil {
			d.named = map[string]bool{}
		}
		d.named[text] = true
		if _, _, damaged := damage(err); damaged && d.copies {
			do = repairHint
		}
	}
	d.found = append(d.found, symptom{Level: "fail", Area: area, What: fmt.Sprintf(format, args...), Do: do})
}

func newDoctor(e *env) *cobra.Command {
	d := &doctor{env: e}
	cmd := &cobra.Command{
		Use:        "doctor",
		SuggestFor: []string{"status", "check", "health"},
		Short:      "Say what is wrong with this archive, and what to do",
		Long: `Looks at the configuration, the clock, the disks, the store, the ledger, replicas
and witnesses, the catalog, what is lost of the journal, the spool, locks, robots.txt
of each source's first address, how each source fares, and objects of visits that
never reached the ledger. A line each: ok, warn or fail; where it is; what it is; and
what to do.

It changes nothing; a probe file in the state directory is removed again. It asks
each source's host for its robots.txt, as a crawl does; --offline asks nobody.

Exit status 3 says that something failed; warnings alone are 0.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&d.write, "write", false, "also probe the store for what it must be able to do, by writing to it")
	cmd.Flags().BoolVar(&d.offline, "offline", false, "ask no host anything")
	return cmd
}

func (d *doctor) run(ctx context.Context) error {
	if cfg, ok := d.config(); ok {
		d.copies = len(cfg.Storage.Replicas) > 0
		d.disks(cfg)
		if h, ok := d.store(ctx, cfg); ok {
			defer h.close()
			d.archive(ctx, h)
		} else {
			d.away(ctx, cfg)
		}
		d.hosts(ctx, cfg)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.report()
}

// report prints what was found: failures last, nearest to the prompt.
func (d *doctor) report() error {
	counts := map[string]int{}
	for _, s := range d.found {
		counts[s.Level]++
	}
	if d.env.json {
		if err := d.env.print(map[string]any{"findings": d.found, "failures": counts["fail"], "warnings": counts["warn"]}, ""); err != nil {
			return err
		}
	} else if err := d.lines(counts); err != nil {
		return err
	}
	if n := counts["fail"]; n > 0 {
		return &failure{status: exitPartly, err: fmt.Errorf("doctor: %s", count(n, "failure", "failures"))}
	}
	return nil
}

func (d *doctor) lines(counts map[string]int) error {
	width := 0
	for _, s := range d.found {
		width = max(width, len(s.Area))
	}
	var b strings.Builder
	for _, level := range []string{"ok", "warn", "fail"} {
		for _, s := range d.found {
			if s.Level != level {
				continue
			}
			fmt.Fprintf(&b, "%-4s  %-*s  %s", s.Level, width, s.Area, s.What)
			if s.Do != "" {
				b.WriteString("  → " + s.Do)
			}
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "%s, %s\n", count(counts["fail"], "failure", "failures"), count(counts["warn"], "warning", "warnings"))
	_, err := fmt.Fprint(d.env.io.out, plain(b.String()))
	return err
}

// config reads the configuration and tells its warnings.
func (d *doctor) config() (*config.Config, bool) {
	cfg, err := d.env.config()
	if err != nil {
		if bad, ok := errors.AsType[*config.Error](err); ok {
			for _, line := range strings.Split(strings.TrimSpace(bad.Error()), "\n") {
				d.fail("config", "correct it there; onrecord config check", "%s", line)
			}
			return nil, false
		}
		_, hint := status(err)
		d.fail("config", hint, "%v", err)
		return nil, false
	}
	for _, w := range cfg.Warnings {
		d.warn("config", w.Hint, "%s:%d:%d: %s: %s", d.env.configPath, w.Line, w.Column, w.Path, w.Message)
	}
	sources := 0
	for _, f := range cfg.Figures {
		sources += len(f.Sources)
	}
	if sources == 0 {
		d.warn("config", "onrecord add URL, or write one into "+d.env.configPath, "no source is configured")
		return cfg, true
	}
	d.ok("config", "%s: %s, %s", d.env.configPath, count(len(cfg.Figures), "figure", "figures"), count(sources, "source", "sources"))
	return cfg, true
}
