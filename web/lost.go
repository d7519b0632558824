// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"slices"
	"time"

	"onrecord"
)

// lostOnStatus is how many runs of lost lines the status page and the API list.
const lostOnStatus = 100

// lostListed returns those of the runs that are listed: those that nobody has given
// up before the others.
func lostListed(list []onrecord.LostLines) []onrecord.LostLines {
	out := make([]onrecord.LostLines, 0, min(len(list), lostOnStatus))
	for _, given := range [...]bool{false, true} {
		for _, l := range list {
			if len(out) < lostOnStatus && l.GivenUp >= 0 == given {
				out = append(out, l)
			}
		}
	}
	return out
}

// lost words which visits are lost: all that is known of them. What the operator has
// given up is listed, and no alarm.
func (b *statusBody) lost(w wording, list []onrecord.LostLines) {
	if n := onrecord.Missing(list); n > 0 {
		text := "line.lost"
		if slices.ContainsFunc(list, onrecord.LostLines.Unsettled) {
			text = "line.unsettled"
		}
		b.Alarms = append(b.Alarms, w.n(text, int64(n)))
	}
	for _, l := range lostListed(list) {
		text, lines, source := "line.lost_visit", number(l.From), w.f("word.lost_source")
		if l.Source != "" {
			source = plain(l.Source)
		}
		if l.To > l.From+1 {
			lines += "–" + number(l.To-1)
		}
		switch {
		case l.GivenUp >= 0:
			text = "line.lost_given"
		case l.Act:
			text = "line.lost_act"
		}
		b.Lost = append(b.Lost, w.f(text, "when", w.instant(l.Visit.Time()), "source", source, "lines", lines))
	}
	if n := len(list) - lostOnStatus; n > 0 {
		b.Lost = append(b.Lost, w.n("line.lost_more", int64(n)))
	}
}

// apiLost is a run of lost lines.
type apiLost struct {
	Visit    string     `json:"visit"`
	Date     *time.Time `json:"date" doc:"When the visit began"`
	First    int64      `json:"first" doc:"Ledger index of the first of them"`
	Last     int64      `json:"last"`
	Source   *string    `json:"source" doc:"Null where nothing tells whose visit it was"`
	Decision bool       `json:"may_be_decision" doc:"Whether it may have withheld a statement: none is shown then"`
	GivenUp  *int64     `json:"given_up" doc:"Ledger index of the entry that gives them up; null if nobody has"`
}

// apiLostTotal is how much is lost, of which apiMachine lists a part.
type apiLostTotal struct {
	Runs   int64 `json:"runs"`
	Lines  int64 `json:"lines"`
	Visits int   `json:"visits" doc:"Whose they are"`
	Open   int   `json:"visits_not_given_up"`
}

func apiLostTotalOf(list []onrecord.LostLines) apiLostTotal {
	visits := map[onrecord.VisitID]bool{}
	total := apiLostTotal{Runs: int64(len(list)), Open: onrecord.Missing(list)}
	for _, l := range list {
		total.Lines += l.To - l.From
		visits[l.Visit] = true
	}
	total.Visits = len(visits)
	return total
}

func apiLostOf(list []onrecord.LostLines) []apiLost {
	list = lostListed(list)
	out := make([]apiLost, len(list))
	for i, l := range list {
		out[i] = apiLost{Visit: l.Visit.String(), Date: at(l.Visit.Time()), First: l.From, Last: l.To - 1, Source: text(l.Source), Decision: l.Unsettled()}
		if l.GivenUp >= 0 {
			out[i].GivenUp = new(l.GivenUp)
		}
	}
	return out
}
