// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"onrecord/config"
	"onrecord/crawler"
	"onrecord/ingest"
)

// An addFlags holds the flags of `add`.
type addFlags struct {
	figure, name, id, schedule, base string
	dry                              bool
}

func newAdd(e *env) *cobra.Command {
	var f addFlags
	cmd := &cobra.Command{
		Use:   "add URL",
		Short: "Add the account behind an address to the configuration",
		Long: `Recognises the platform from an address (a profile, a channel, a website, a feed)
or a handle such as @jane@social.example, asks the platform for the account's
stable id, shows the newest statements that it can see, and writes the source into
the configuration, whose comments and order stay as they are.

  onrecord add https://t.me/examples_ministry --figure ministry --name "Ministry of Examples"
  onrecord add @jane@social.example --figure jane-example
  onrecord add https://jane.example/news --figure jane-example

Of a website the feed is looked for, and the list of articles on the page. A running
"onrecord serve" takes the new source up when it is started again.`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return runAdd(cmd.Context(), e, f, args[0]) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.figure, "figure", "", "`SLUG` of the figure whose account it is (default: the only one that is configured)")
	fl.StringVar(&f.name, "name", "", "`NAME` of a figure that is not configured yet")
	fl.StringVar(&f.id, "id", "", "`ID` of the source (default: made of the account)")
	fl.StringVar(&f.schedule, "schedule", "", "`SPEC` of its visits, such as \"@every 5m\" (default: by the platform)")
	fl.StringVar(&f.base, "base-url", "", "`ADDRESS` to which the requests go instead of the platform, such as that of a mirror")
	fl.BoolVarP(&f.dry, "dry-run", "n", false, "write nothing, only show")
	return cmd
}

// An addition is a source that is being added.
type addition struct {
	env    *env
	flags  addFlags
	cfg    *config.Config
	client *crawler.Client
	locks  *locks
	tests  []doorTest
}

func runAdd(ctx context.Context, e *env, f addFlags, input string) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	guesses, err := recognise(input)
	if err != nil {
		return err
	}
	a := &addition{env: e, flags: f, cfg: cfg}
	figure, err := a.figure()
	if err != nil {
		return err
	}
	if a.client, err = newClient(e, cfg, crawler.Limits{}); err != nil {
		return err
	}
	if a.locks, err = newLocks(cfg.StateDir); err != nil {
		return err
	}
	var s config.Source
	for _, g := range guesses {
		if s, err = a.try(ctx, g); err == nil {
			break
		} else if !errors.Is(err, errNoDoorWorks) {
			return err
		}
		e.say("%v", err)
	}
	if err != nil {
		return &failure{status: exitPartly, hint: "is the address right, and can a browser open it without an account? Addresses of your own network need crawl.allow_addresses", err: fmt.Errorf("%s can't be read", input)}
	}
	return a.write(figure, s)
}

// figure returns whose account it is: the configured figure, or a new one.
func (a *addition) figure() (config.Figure, error) {
	slugs := make([]string, len(a.cfg.Figures))
	for i, f := range a.cfg.Figures {
		slugs[i] = f.Slug
	}
	name := a.flags.figure
	if name == "" && len(slugs) == 1 && a.flags.name == "" {
		name = slugs[0]
	}
	if name == "" && a.flags.name != "" {
		name = slug(a.flags.name)
	}
	switch i := slices.Index(slugs, name); {
	case i >= 0:
		return config.Figure{Slug: name, Name: a.cfg.Figures[i].Name}, nil
	case name == "":
		return config.Figure{}, &failure{status: exitUsage, hint: hintNames(slugs), err: errors.New("whose account is it? --figure names a configured figure, --name a new one")}
	case a.flags.name == "":
		return config.Figure{}, &failure{status: exitUsage, hint: hintNames(slugs) + "; --name makes a new one", err: fmt.Errorf("no figure %q is configured", name)}
	}
	return config.Figure{Slug: name, Name: a.flags.name}, nil
}

// errNoDoorWorks reports a guess that came to nothing.
var errNoDoorWorks = errors.New("no door works")

// try makes a source of a guess: it asks through each door, keeps those that
// work, and takes the account's id from them.
func (a *addition) try(ctx context.Context, g guess) (config.Source, error) {
	s, candidates := g.source, g.source.Doors
	if a.flags.schedule != "" && g.why == "" {
		s.Schedule = a.flags.schedule
	}
	s.Doors = nil
	switch {
	case g.why != "":
		a.env.say("%s: %s; the source takes imports, and needs its account_id", s.Platform, g.why)
		return s, a.taken(s)
	case g.page != "":
		var err error
		if s.AccountID, candidates, err = a.explore(ctx, g.page); err != nil {
			return s, err
		}
		s.Schedule = cmp.Or(s.Schedule, "@every 10m")
	}
	kinds := map[string]bool{}
	for _, c := range candidates {
		if kinds[c.Kind] {
			continue // one of each is enough
		}
		c.BaseURL = a.flags.base
		t, err := a.test(ctx, s, c)
		if err != nil {
			return s, err
		}
		if t.Failed || t.Items == 0 && c.Kind == "page" {
			a.env.say("  %s: %s", t.Kind, cmp.Or(strings.Join(t.Problems, "; "), string(t.Outcome)))
			continue
		}
		kinds[c.Kind] = true
		s.Doors, a.tests = append(s.Doors, c), append(a.tests, t)
		s.AccountID = cmp.Or(s.AccountID, t.Account.ID)
	}
	if len(s.Doors) == 0 {
		return s, fmt.Errorf("%s %s: %w", s.Platform, cmp.Or(s.Account, g.page), errNoDoorWorks)
	}
	return s, a.taken(s)
}

// test asks through one door, as "onrecord source test" does.
func (a *addition) test(ctx context.Context, s config.Source, c config.Door) (doorTest, error) {
	c.ID = cmp.Or(c.ID, c.Kind)
	d, err := doorOf(s, c)
	if err != nil {
		return doorTest{}, err
	}
	return a.env.testDoor(ctx, a.client, a.locks, ingest.Source{
		ID: "add-" + slug(cmp.Or(s.Account, s.AccountID)), Platform: s.Platform, AccountID: s.AccountID, Handle: strings.TrimPrefix(s.Account, "@"), Doors: []ingest.Door{d},
	}, d)
}

// taken reports a source that is of an account which another one reads already.
func (a *addition) taken(s config.Source) error {
	for _, f := range a.cfg.Figures {
		for _, o := range f.Sources {
			if o.Platform == s.Platform && (s.AccountID != "" && o.AccountID == s.AccountID || s.Account != "" && strings.EqualFold(o.Account, s.Account)) {
				return &failure{status: exitConfig, err: fmt.Errorf("source %s of %s is of that account already", o.ID, f.Slug)}
			}
		}
	}
	return nil
}

// write shows what was found and puts the source into the configuration.
func (a *addition) write(f config.Figure, s config.Source) error {
	s.ID = cmp.Or(a.flags.id, sourceID(s, func(id string) bool {
		_, _, ok := a.cfg.Source(id)
		return ok
	}))
	path := a.env.configPath
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	added, err := config.Add(path, data, f, s, configOptions())
	if err != nil {
		return err
	}
	if !a.flags.dry {
		if err := replaceFile(path, added); err != nil {
			return err
		}
	}
	if a.env.json {
		return a.env.print(map[string]any{"source": s.ID, "figure": f.Slug, "platform": s.Platform, "account_id": s.AccountID, "config": path, "written": !a.flags.dry, "doors": a.tests}, "")
	}
	a.show(f, s)
	if a.flags.dry {
		a.env.say("nothing was written (--dry-run)")
		return nil
	}
	if len(s.Doors) == 0 {
		a.env.say("written to %s; next: give it its account_id there, then onrecord -c %s import … --source %s", path, path, s.ID)
		return nil
	}
	a.env.say("written to %s; next: onrecord -c %s crawl %s", path, path, s.ID)
	return nil
}

// show tells what was found, for a person.
func (a *addition) show(f config.Figure, s config.Source) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s of %s\n", s.ID, s.Platform, f.Name)
	for i, t := range a.tests {
		if i == 0 {
			fmt.Fprintf(&b, "  account   id %s  handle %s  name %s\n", cmp.Or(s.AccountID, "-"), cmp.Or(t.Account.Handle, "-"), cmp.Or(t.Account.Name, "-"))
		}
		fmt.Fprintf(&b, "  door      %s  %s\n", t.Kind, count(t.Items, "statement", "statements"))
	}
	if len(a.tests) > 0 {
		for _, it := range a.tests[0].Newest {
			date := cmp.Or(it.Published, "no date")
			if it.PublishedAt != nil {
				date = stamp(*it.PublishedAt)
			}
			fmt.Fprintf(&b, "            %s  %s\n", date, it.Text)
		}
	}
	fmt.Fprint(a.env.io.out, plain(b.String()))
}

// replaceFile puts data in the place of a file, whole or not at all.
func replaceFile(path string, data []byte) error {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".onrecord-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
