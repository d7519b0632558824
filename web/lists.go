// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"onrecord"
)

// A listing is the parameters of a page that lists something, as they were asked.
type listing struct {
	path    string
	known   []string // in the order of a canonical address
	values  url.Values
	unknown []string
}

// readList reads the parameters of a list. Those in many may be given several
// times. Unknown ones are named on the page.
func (s *server) readList(r *http.Request, path string, many []string, known ...string) (listing, error) {
	l := listing{path: path, known: known, values: url.Values{}}
	var err error
	if l.unknown, err = s.unknownParams(r, known...); err != nil {
		return l, err
	}
	asked := r.URL.Query()
	for _, name := range known {
		values := tidy(asked[name])
		if len(asked[name]) > 1 && !slices.Contains(many, name) {
			return l, s.invalidParameter(name, s.texts.f("detail.twice", "name", name))
		}
		if len(values) > 50 {
			return l, s.invalidParameter(name, s.texts.f("detail.many", "name", name, "most", 50))
		}
		for _, value := range values {
			if (name == "figure" || name == "platform" || name == "source") && !slug.MatchString(value) {
				return l, s.invalidParameter(name, s.texts.f("detail.value", "name", name, "value", plain(value)))
			}
		}
		if len(values) > 0 {
			l.values[name] = values
		}
	}
	return l, nil
}

func (l listing) get(name string) string { return l.values.Get(name) }

// with is l with other values of one parameter.
func (l listing) with(name string, values ...string) listing {
	c := l
	c.values = url.Values{}
	for n, v := range l.values {
		if n != name {
			c.values[n] = v
		}
	}
	if values = tidy(values); len(values) > 0 {
		c.values[name] = values
	}
	return c
}

// toggled is l with a value of one parameter added or taken off.
func (l listing) toggled(name, value string) listing {
	have := l.values[name]
	if i := slices.Index(have, value); i >= 0 {
		return l.with(name, slices.Delete(slices.Clone(have), i, i+1)...)
	}
	return l.with(name, append(slices.Clone(have), value)...)
}

// address is that of the list, parameters in canonical order.
func (l listing) address() string {
	var b strings.Builder
	b.WriteString(l.path)
	sep := byte('?')
	for _, name := range l.known {
		for _, value := range l.values[name] {
			b.WriteByte(sep)
			b.WriteString(name + "=" + url.QueryEscape(value))
			sep = '&'
		}
	}
	return b.String()
}

// chips are the active filters of names, each with the address without it.
func (l listing) chips(w wording, name func(param, value string) string, params ...string) []chip {
	var chips []chip
	for _, param := range params {
		for _, value := range l.values[param] {
			rest := l.toggled(param, value)
			for _, place := range []string{"cursor", "before"} {
				rest = rest.with(place)
			}
			chips = append(chips, chip{Name: w.f("word.filter." + param), Value: name(param, value), Href: rest.address()})
		}
	}
	return chips
}

// A facet is a value that a list can be narrowed to.
type facet struct {
	Name     string
	Count    int64
	Href     string
	Selected bool
}

// facets makes links of counts. Host of "website" is not known here.
func (l listing) facets(param string, counts []onrecord.Facet, name func(onrecord.Facet) string) []facet {
	out := make([]facet, 0, len(counts))
	for i, c := range counts {
		if i == facetsShown {
			break
		}
		out = append(out, facet{
			Name: name(c), Count: c.Count, Href: l.with("cursor").toggled(param, c.Value).address(), Selected: slices.Contains(l.values[param], c.Value),
		})
	}
	return out
}

// facetsShown bounds the values of a facet on a page.
const facetsShown = 50

// names are the figures' names by slug, for those who ask by it.
func (s *server) names(ctx context.Context) (map[string]string, []onrecord.Figure, error) {
	figures, err := s.Figures.Figures(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("figures: %w", err)
	}
	names := make(map[string]string, len(figures))
	for _, f := range figures {
		names[f.Slug] = plain(f.Name)
	}
	return names, figures, nil
}

// figureOptions are the choices of a form.
func figureOptions(figures []onrecord.Figure, chosen string) []option {
	out := make([]option, 0, len(figures))
	for _, f := range figures {
		out = append(out, option{Value: f.Slug, Name: plain(f.Name), Selected: f.Slug == chosen})
	}
	return out
}

// platformsOf are the platforms of the figures' accounts.
func platformsOf(figures []onrecord.Figure) []string {
	var out []string
	for _, f := range figures {
		for _, a := range f.Accounts {
			out = append(out, a.Platform)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// accountName is what stands for an account in an address: its handle without
// the first "@", or its stable id where it has none.
func accountName(a onrecord.AccountRef) string {
	if handle := strings.TrimPrefix(a.Handle, "@"); handle != "" {
		return handle
	}
	return a.ID
}

// accountHref is the address of an account's page; empty where nothing names
// the account. A handle that an address can't end with gives way to the id.
func accountHref(a onrecord.AccountRef) string {
	name := accountName(a)
	if name == "" || a.Platform == "" {
		return ""
	}
	if strings.Trim(name, ". ") == "" || strings.HasPrefix(name, idMark) {
		if a.ID == "" {
			return ""
		}
		name = idMark + a.ID
	}
	return "/a/" + url.PathEscape(a.Platform) + "/" + url.PathEscape(name)
}

// where names a place to speak: the host of a website, else the platform.
func (w wording) where(a onrecord.AccountRef) string {
	if a.Platform == "website" {
		if name := plain(accountName(a)); name != "" {
			return name
		}
	}
	return w.platform(a.Platform)
}
