// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"onrecord"
)

// A Decisions reads what the operator withheld and erased.
type Decisions interface {
	// Takedowns returns at most limit decisions whose ledger index is less than
	// before (0: the newest), newest first, in force or not, and the index to go on
	// from, or 0 at the end. Statements that are erased are not named.
	Takedowns(ctx context.Context, before int64, limit int) (list []onrecord.Decision, next int64, err error)
}

// maxBehind is how far behind the checkpoint a reader may be and still show
// statements: what it has not applied may withhold them (record.md 5).
const maxBehind = time.Minute

// blockedBy is the link of an answer 451 to who blocks (RFC 7725, 4).
func (s *server) blockedBy() string { return "<" + s.base + `/>; rel="blocked-by"` }

// link is the Link header of p; empty for most.
func (s *server) link(p *problem) string {
	if p.Status != http.StatusUnavailableForLegalReasons {
		return ""
	}
	return s.blockedBy()
}

// decisionOf returns why st is not shown.
func decisionOf(st onrecord.Statement) onrecord.Decision {
	if st.Decision != nil {
		return *st.Decision
	}
	return onrecord.Decision{Type: onrecord.StatementWithheld, Index: st.LastIndex, Entry: st.LogIndex}
}

// withheldName is the type of the problem of asking for a statement that is not
// shown.
func withheldName(d onrecord.Decision) string {
	if d.Ground == onrecord.GroundLaw {
		return "withheld-legal"
	}
	return "withheld-policy"
}

// withheld is the answer to those who ask for parts of a withheld statement.
func (s *server) withheld(w wording, st onrecord.Statement) *problem {
	d := decisionOf(st)
	p := s.problem(withheldName(d), strings.Join(w.tombstone(d), " "))
	p.Case, p.Category = plain(d.Case), plain(d.Reason)
	if !d.Decided.IsZero() {
		p.Decided = at(d.Decided)
	}
	return p
}

// tombstone words all that is told of a statement that is not shown.
func (w wording) tombstone(d onrecord.Decision) []string {
	erased := d.Type == onrecord.StatementErased
	lines := []string{w.f("tombstone.withheld")}
	if erased {
		lines[0] = w.f("tombstone.erased")
	}
	if d.Reason != "" {
		lines = append(lines, w.f("tombstone.category", "category", strings.TrimRight(plain(d.Reason), ".")))
	}
	if !d.Decided.IsZero() {
		lines = append(lines, w.f("tombstone.decided", "date", d.Decided.In(w.zone).Format("2 Jan 2006")))
	}
	if d.Case != "" {
		lines = append(lines, w.f("tombstone.case", "case", plain(d.Case)))
	}
	if len(d.Others) > 0 {
		others := make([]string, len(d.Others))
		for i, o := range d.Others {
			others[i] = plain(o.Case)
		}
		lines = append(lines, w.n("tombstone.others", int64(len(others)), "cases", strings.Join(others, ", ")))
	}
	if d.Entry >= 0 {
		lines = append(lines, w.f("tombstone.existed", "index", number(d.Entry)))
	}
	if erased {
		return append(lines, w.f("tombstone.gone"))
	}
	return append(lines, w.f("tombstone.kept"))
}

// tombstonePage is /s/{id} of a statement that is not shown: it says nothing
// that tells what was said, when, or where.
func (s *server) tombstonePage(w wording, st onrecord.Statement) (reply, error) {
	d := decisionOf(st)
	name := withheldName(d)
	lines := w.tombstone(d)
	kick := w.f("problem." + name)
	if d.Type == onrecord.StatementErased {
		kick = w.f("tombstone.kick_erased")
	}
	body := struct {
		Kick   string
		Title  string
		Lines  []string
		Index  string
		Events string
	}{
		Kick: kick, Title: lines[0], Lines: lines[1:], Index: number(d.Index),
		Events: fmt.Sprintf("/events?before=%d", d.Index+1),
	}
	a, err := s.render("tombstone", frame{Title: kick, NoIndex: true, Body: body})
	a.Status, a.Cache = problemStatus[name], cacheAsk
	if a.Status == http.StatusUnavailableForLegalReasons {
		a.Link = s.blockedBy()
	}
	return a, err
}

// current answers 503 in place of h while this reader is so far behind the
// checkpoint that a statement may have been withheld since (record.md 5), or while
// what is lost may have withheld one. What shows no statement goes on.
func (s *server) current(h http.Handler) http.Handler {
	if s.Behind == nil && s.Unsettled == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := ""
		switch {
		case showsNothing(r.URL.Path):
		case s.Unsettled != nil && s.Unsettled():
			name = "unsettled"
		case s.Behind != nil && s.Behind() > maxBehind:
			name = "behind"
		}
		if name == "" {
			h.ServeHTTP(w, r)
			return
		}
		if name == "behind" { // what is unsettled lasts until the operator settles it
			w.Header().Set("Retry-After", "30")
		}
		p := s.problem(name, s.texts.f("detail."+name))
		if crossOrigin(r.URL.Path) {
			cors(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.sendProblem(w, r, p) })).ServeHTTP(w, r)
			return
		}
		s.page(func(*http.Request) (reply, error) { return reply{}, p }).ServeHTTP(w, r)
	})
}

// crossOrigin reports whether what is under path may be read by pages of others,
// its problems too.
func crossOrigin(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/media/") || strings.HasPrefix(path, "/record/")
}

// showsNothing reports whether what is under path tells nothing of statements.
func showsNothing(path string) bool {
	switch path {
	case "/status", "/about", "/robots.txt", "/favicon.ico", "/openapi.json", "/api/v1/openapi.json", "/api/v1/status", "/help/search":
		return true
	}
	return strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/problems/")
}
