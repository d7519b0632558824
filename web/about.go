// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"net/http"

	"onrecord"
)

type problemBody struct {
	Name, Title, About string
	Status             int
}

// problemPage is /problems/{name}: where the type of a problem leads.
func (s *server) problemPage(r *http.Request) (reply, error) {
	name := r.PathValue("name")
	status, ok := problemStatus[name]
	if !ok {
		return reply{}, onrecord.ErrNotFound
	}
	title := s.texts.f("problem." + name)
	return s.render("explain", frame{Title: title, Canonical: s.base + "/problems/" + name, Body: problemBody{
		Name: name, Title: title, Status: status, About: s.texts.f("problem.about." + name),
	}})
}

type operatorRow struct {
	Example, Href, Meaning string
}

// helpPage is /help/search: every operator with an example that works.
func (s *server) helpPage(*http.Request) (reply, error) {
	var rows []operatorRow
	for _, one := range []struct{ key, example string }{
		{"words", "public budget"},
		{"phrase", `"public budget"`},
		{"prefix", "budg*"},
		{"not", "budget -tax"},
		{"figure", "figure:jane-example"},
		{"platform", "platform:mastodon"},
		{"is", "is:deleted"},
		{"edited", "is:edited"},
		{"since", "since:2026-01"},
		{"until", "until:2026-08-01"},
	} {
		rows = append(rows, operatorRow{Example: one.example, Href: query{Q: one.example}.address("/search"), Meaning: s.texts.f("word.help." + one.key)})
	}
	return s.render("help", frame{Title: s.texts.f("title.help"), Canonical: s.base + "/help/search", Section: "help", Body: rows})
}

// aboutPage is /about: who runs this, and what an archive can and can't say.
func (s *server) aboutPage(*http.Request) (reply, error) {
	return s.render("about", frame{Title: s.texts.f("title.about"), Canonical: s.base + "/about", Section: "about", Body: s.Archive})
}
