// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"onrecord"
	"onrecord/search"
)

// A searchFlags holds the flags of `search`; they mean what the parameters of
// the same names mean on the website and in the API.
type searchFlags struct {
	figures, platforms, states, types []string
	since, until, sort, tz, cursor    string
	limit                             int
}

func newSearch(e *env) *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search QUERY…",
		Short: "Search the archive",
		Long: `Searches the statements, newest first. The total is exact.

  tax cut          both words, in any wording a statement ever had
  "tax cut"        side by side
  tarif*           words that begin so
  -word -"a b"     without them
  (a query that begins with "-" stands behind "--")
  figure:SLUG  platform:NAME  is:deleted  is:edited
  since:2026-01    from then on      until:2026-02-01   before then

While the storage does not answer, it searches what the catalog of this machine has.`,
		Example: `  onrecord search '"harbour bridge" is:edited' --since 2026-09
  onrecord search --figure jane-example --sort oldest ''
  onrecord search -- -bridge toll`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSearch(cmd.Context(), e, f, strings.Join(args, " "))
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.figures, "figure", nil, "only of this figure, by `SLUG`; may be repeated")
	fl.StringSliceVar(&f.platforms, "platform", nil, "only on this `PLATFORM`; may be repeated")
	fl.StringSliceVar(&f.states, "state", nil, "only in this `STATE`: live, deleted, gone_with_account …; may be repeated")
	fl.StringSliceVar(&f.types, "type", nil, "only of this `TYPE`: post, article, email …; may be repeated")
	fl.StringVar(&f.since, "since", "", "from this `DATE` on: 2026, 2026-01, 2026-01-06, 2026-01-06T12:30")
	fl.StringVar(&f.until, "until", "", "before this `DATE`")
	fl.StringVar(&f.sort, "sort", "newest", "`ORDER`: newest, oldest, relevance")
	fl.StringVar(&f.tz, "tz", "UTC", "time `ZONE` in which dates without a time are read")
	fl.IntVar(&f.limit, "limit", 20, "at most `N` statements, 1 to 200")
	fl.StringVar(&f.cursor, "cursor", "", "go on from the `CURSOR` of an earlier answer")
	return cmd
}

// request turns the flags and the query into a search request.
func (f searchFlags) request(query string, o search.ParseOptions) (search.Request, error) {
	zone, err := time.LoadLocation(f.tz)
	if err != nil {
		return search.Request{}, usagef("--tz %s: no such time zone", f.tz)
	}
	parts := []string{query}
	for _, p := range []struct{ op, value string }{{"since", f.since}, {"until", f.until}} {
		if p.value != "" {
			parts = append(parts, p.op+":"+p.value)
		}
	}
	text := strings.TrimSpace(strings.Join(parts, " "))
	o.Zone = zone
	q, err := search.Parse(text, o)
	if err != nil {
		return search.Request{}, showFault(text, err)
	}
	r := search.Request{
		Query: q, Figures: f.figures, Platforms: f.platforms, Types: f.types,
		Sort: search.Sort(f.sort), Limit: f.limit, Cursor: f.cursor,
	}
	switch r.Sort {
	case search.Newest, search.Oldest, search.Relevance:
	default:
		return r, usagef("--sort %s: want newest, oldest or relevance", f.sort)
	}
	if f.limit < 1 || f.limit > 200 {
		return r, usagef("--limit %d: want 1 to 200", f.limit)
	}
	for _, s := range f.states {
		st, err := parseState(s)
		if err != nil {
			return r, err
		}
		r.States = append(r.States, st)
	}
	return r, nil
}

// parseState reads the name of a state.
func parseState(s string) (onrecord.State, error) {
	all := []onrecord.State{
		onrecord.StateLive, onrecord.StateDeleted, onrecord.StateGoneWithAccount, onrecord.StatePlatformOffline,
		onrecord.StateRestored, onrecord.StateUnconfirmed, onrecord.StateWithheld,
	}
	names := make([]string, len(all))
	for i, st := range all {
		if string(st) == s {
			return st, nil
		}
		names[i] = string(st)
	}
	return "", usagef("--state %s: want one of %s", s, strings.Join(names, ", "))
}

// showFault puts the query and a caret under the fault into a syntax error.
func showFault(query string, err error) error {
	fault, ok := asSyntax(err)
	if !ok {
		return err
	}
	f := &failure{status: exitUsage, err: fmt.Errorf("%w\n  %s\n  %s^", err, query, strings.Repeat(" ", len([]rune(query[:min(fault.Pos, len(query))]))))}
	if repaired, ok := fault.Repair(query); ok && repaired != "" {
		f.hint = "did you mean: " + repaired
	}
	return f
}

func runSearch(ctx context.Context, e *env, f searchFlags, query string) error {
	if _, err := f.request(query, search.ParseOptions{Now: e.now()}); err != nil {
		return err // before an archive is looked for
	}
	h, err := e.openToRead(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	known, err := h.slugs(ctx)
	if err != nil {
		return err
	}
	r, err := f.request(query, search.ParseOptions{Now: e.now(), Figures: known})
	if err != nil {
		return err
	}
	for _, slug := range f.figures {
		if !slices.Contains(known, slug) {
			return &failure{status: exitUsage, hint: hintNames(known), err: fmt.Errorf("--figure %s: the archive has no such figure", slug)}
		}
	}
	res, err := h.catalog.Search(ctx, r)
	if err != nil {
		return err
	}
	ids := make([]onrecord.StatementID, len(res.Hits))
	for i, hit := range res.Hits {
		ids[i] = hit.ID
	}
	found, err := h.catalog.Statements(ctx, ids)
	if err != nil {
		return err
	}
	for _, w := range r.Query.Warnings() {
		e.say("note: %s", w.Message)
	}
	if e.json {
		return e.print(searchJSON(r.Query, res, found), "")
	}
	return printHits(e, r.Query, res, found)
}

// slugs returns the figures that are configured and those that the catalog has.
func (h *house) slugs(ctx context.Context) ([]string, error) {
	list, err := h.catalog.Figures(ctx)
	if err != nil {
		return nil, err
	}
	names := figureNames(h.cfg)
	for _, f := range list {
		names[f.Slug] = f.Name
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// printHits prints a table of what was found, and the exact total.
func printHits(e *env, q search.Query, res search.Results, found []onrecord.Statement) error {
	w := tabwriter.NewWriter(e.io.out, 0, 4, 2, ' ', 0)
	if len(found) > 0 {
		fmt.Fprintln(w, "DATE (UTC)\tID\tPLATFORM\tSTATE\tFIGURE\tTEXT")
	}
	for _, s := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Date.UTC().Format("2006-01-02 15:04"), s.ID, s.Platform, hitWord(s), s.Figure.Slug, excerpt(s, q))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	noun := "statements"
	if res.Total == 1 {
		noun = "statement"
	}
	fmt.Fprintf(e.io.out, "%d %s (exact)\n", res.Total, noun)
	if res.Next != "" {
		e.say("more: add --cursor %s", res.Next)
	}
	return nil
}

// excerpt returns a line of a statement's text with what was found marked.
func excerpt(s onrecord.Statement, q search.Query) string {
	text := s.Content.Text
	if s.Content.Title != "" {
		text = s.Content.Title + ". " + text
	}
	text, spans := search.Snippet(strings.Join(strings.Fields(text), " "), q, 80)
	var b strings.Builder
	last := 0
	for _, sp := range spans {
		b.WriteString(text[last:sp.Start] + "«" + text[sp.Start:sp.End] + "»")
		last = sp.End
	}
	return plain(b.String() + text[last:])
}

// hitWord is stateWord for the table of search, which has no room to say who
// says so: what nobody here saw is not called deleted, nor live.
func hitWord(s onrecord.Statement) string {
	word, rest, edited := strings.Cut(stateWord(s), ",")
	switch {
	case s.State == onrecord.StateDeleted && s.Reported != "":
		word = "reported"
	case s.State == onrecord.StateLive && s.LastSeen.IsZero() && s.Provenance != onrecord.Captured:
		word = string(s.Provenance)
	}
	if edited {
		word += "," + rest
	}
	return word
}

// stateWord returns the state of a statement in one word, with "edited" beside
// it.
func stateWord(s onrecord.Statement) string {
	word := string(s.State)
	if s.Edited {
		word += ", edited"
	}
	return word
}
