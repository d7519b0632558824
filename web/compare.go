// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"onrecord"
)

// A comparison is what two wordings differ in.
type comparison struct {
	Text    []edit
	Title   []edit        // where the titles differ
	Fields  []fieldChange // what else differs
	Summary string        // one sentence
}

// A fieldChange is something beside title and text that differs: its name and
// both values in words; empty where there was none.
type fieldChange struct{ Name, Old, New string }

// quotedChanges is how many changes a summary spells out, and quotedLength how
// long each side may be for that, in characters.
const (
	quotedChanges = 3
	quotedLength  = 60
)

// compare says what changed from a to b.
func (w wording) compare(a, b onrecord.Content) comparison {
	c := comparison{Text: diffWords(a.Text, b.Text)}
	var list []change
	if a.Title != b.Title {
		c.Title = diffWords(a.Title, b.Title)
		list = changes(c.Title)
	}
	list = append(list, changes(c.Text)...)
	c.Fields = w.otherFields(a, b)
	var parts []string
	if len(list) > 0 {
		parts = append(parts, w.changes(list))
	}
	if len(c.Fields) > 0 {
		key := "change.also"
		if len(list) == 0 {
			key = "change.only"
		}
		names := make([]string, len(c.Fields))
		for i, f := range c.Fields {
			names[i] = f.Name
		}
		parts = append(parts, w.f(key, "fields", strings.Join(names, ", ")))
	}
	if len(parts) == 0 {
		parts = append(parts, w.f("change.same"))
	}
	c.Summary = strings.Join(parts, " ")
	return c
}

// changes counts changes, and quotes them where they are few and short.
func (w wording) changes(list []change) string {
	var replaced, added, removed int64
	var quotes []string
	for _, c := range list {
		old, new := strings.TrimSpace(c.Old), strings.TrimSpace(c.New)
		switch {
		case c.Old == "":
			added++
			quotes = append(quotes, w.f("change.quote.added", "new", new))
		case c.New == "":
			removed++
			quotes = append(quotes, w.f("change.quote.removed", "old", old))
		default:
			replaced++
			quotes = append(quotes, w.f("change.quote.replaced", "old", old, "new", new))
		}
	}
	var counts []string
	for _, one := range []struct {
		key string
		n   int64
	}{{"change.replaced", replaced}, {"change.added", added}, {"change.removed", removed}} {
		if one.n > 0 {
			counts = append(counts, w.n(one.key, one.n))
		}
	}
	sentence := strings.Join(counts, ", ")
	short := !slices.ContainsFunc(list, func(c change) bool {
		return len([]rune(c.Old)) > quotedLength || len([]rune(c.New)) > quotedLength
	})
	if len(list) <= quotedChanges && short {
		return w.f("change.summary_quoted", "counts", sentence, "quotes", strings.Join(quotes, "; "))
	}
	return w.f("change.summary", "counts", sentence)
}

// otherFields says what differs beside title and text.
func (w wording) otherFields(a, b onrecord.Content) []fieldChange {
	var fields []fieldChange
	for _, one := range []struct{ key, old, new string }{
		{"change.field.type", a.Type, b.Type},
		{"change.field.spoiler", a.Spoiler, b.Spoiler},
		{"change.field.lang", a.Lang, b.Lang},
		{"change.field.published", a.Published, b.Published},
		{"change.field.categories", strings.Join(tidy(a.Categories), ", "), strings.Join(tidy(b.Categories), ", ")},
		{"change.field.links", strings.Join(a.Links, ", "), strings.Join(b.Links, ", ")},
		{"change.field.media", attachments(a.Media), attachments(b.Media)},
		{"change.field.poll", strings.Join(a.Poll, " / "), strings.Join(b.Poll, " / ")},
		{"change.field.reply", relation(a), relation(b)},
	} {
		if one.old != one.new {
			fields = append(fields, fieldChange{w.f(one.key), plain(one.old), plain(one.new)})
		}
	}
	return fields
}

// attachments names attachments, with what they are described as.
func attachments(list []onrecord.Media) string {
	names := make([]string, len(list))
	for i, m := range list {
		if names[i] = m.ID; m.Alt != "" {
			names[i] += " (" + m.Alt + ")"
		}
	}
	return strings.Join(names, ", ")
}

// relation names the statements that c answers, repeats or quotes.
func relation(c onrecord.Content) string {
	return strings.Join(slices.DeleteFunc([]string{c.ReplyTo, c.RepostOf, c.QuoteOf}, func(s string) bool { return s == "" }), ", ")
}

type diffBody struct {
	comparison
	Heading      string
	Label        string
	StatementRef string
	From, To     versionRow
	Lang         string
	Others       []versionRow
}

// diffPage is /s/{id}/diff. Without from or to it compares the last two
// wordings.
func (s *server) diffPage(r *http.Request) (reply, error) {
	unknown, err := s.unknownParams(r, "from", "to")
	if err != nil {
		return reply{}, err
	}
	if len(unknown) > 0 {
		return reply{}, s.unknownParameter(unknown[0], []string{"from", "to"})
	}
	st, err := s.known(r)
	if err != nil {
		return reply{}, err
	}
	w := s.words(nil)
	if st.State == onrecord.StateWithheld {
		return reply{}, s.withheld(w, st)
	}
	versions, err := s.Statements.Versions(r.Context(), st.ID)
	if err != nil {
		return reply{}, fmt.Errorf("versions of %s: %w", st.ID, err)
	}
	from, to, err := s.bothVersions(r, versions)
	if err != nil {
		return reply{}, err
	}
	rows := w.versionRows(st, versions)
	slices.Reverse(rows)
	c := w.compare(versions[from].Content, versions[to].Content)
	body := diffBody{
		comparison: c, Heading: w.heading(st), Label: w.label(st, s.Archive.Name), StatementRef: "/s/" + string(st.ID),
		From: rows[from], To: rows[to], Lang: lang(st.Lang), Others: rows,
	}
	canonical := s.base + "/s/" + string(st.ID) + "/diff?from=" + string(versions[from].ID) + "&to=" + string(versions[to].ID)
	return s.render("diff", frame{Title: w.f("title.diff", "statement", body.Heading), Canonical: canonical, Body: body})
}

// bothVersions reads from and to.
func (s *server) bothVersions(r *http.Request, versions []onrecord.Version) (from, to int, err error) {
	if len(versions) == 0 {
		return 0, 0, onrecord.ErrNotFound
	}
	from, to = max(0, len(versions)-2), len(versions)-1
	for _, one := range []struct {
		name string
		into *int
	}{{"from", &from}, {"to", &to}} {
		id := onrecord.VersionID(r.URL.Query().Get(one.name))
		if id == "" {
			continue
		}
		i := slices.IndexFunc(versions, func(v onrecord.Version) bool { return v.ID == id })
		if i < 0 {
			return 0, 0, s.invalidParameter(one.name, s.texts.f("detail.version", "value", plain(string(id))))
		}
		*one.into = i
	}
	return from, to, nil
}
