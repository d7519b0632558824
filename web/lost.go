// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"slices"
	"time"

	"onrecord"
)

// lostOnStatus is how many runs of lost lines the status page lists.
const lostOnStatus = 100

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
	for _, l := range list[:min(len(list), lostOnStatus)] {
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

func apiLostOf(list []onrecord.LostLines) []apiLost {
	out := make([]apiLost, len(list))
	for i, l := range list {
		out[i] = apiLost{Visit: l.Visit.String(), Date: at(l.Visit.Time()), First: l.From, Last: l.To - 1, Source: text(l.Source), Decision: l.Unsettled()}
		if l.GivenUp >= 0 {
			out[i].GivenUp = new(l.GivenUp)
		}
	}
	return out
}
