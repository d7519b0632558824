// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package searchtest

import (
	"time"

	"onrecord"
	"onrecord/search"
)

// A Case is a request and the keys that it finds, newest first; where two are
// of the same second, in the order of the 30 low bits of their ids.
type Case struct {
	Query   string
	Request search.Request // Query is filled in from above
	Want    string         // keys, by spaces
	Same    string         // another query that must find the same, instead of Want
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic("searchtest: " + err.Error())
	}
	return t
}

// Cases returns the requests that every Searcher answers alike.
func Cases() []Case {
	cases := append(textCases(), scriptCases()...)
	return append(cases, filterCases()...)
}

func textCases() []Case {
	return []Case{
		{Query: "tariff", Want: "w01 m13 m02 m01 x01"},
		{Query: "TARIFF", Same: "tariff"},
		{Query: "tariff*", Want: "w01 m13 m10 m05 m02 m01 x01 x04"},
		{Query: "tariffs", Want: "m05 x01 x04"},
		{Query: "tariff steel", Want: "w01 m13 m01 x01"},
		{Query: "tariff tax", Want: "m02"},
		{Query: "tariff tax mistake", Want: "m02"},
		{Query: "tariff -steel", Want: "m02"},
		{Query: "-steel tariff", Same: "tariff -steel"},
		{Query: "tariff* -tariff", Want: "m10 m05 x04"},
		{Query: `tariff* -"tariff man"`, Want: "w01 m13 m10 m05 m02 m01 x04"},
		{Query: `"losers and haters"`, Want: "m03"},
		{Query: `"haters and losers"`, Want: "m04"},
		{Query: "losers haters", Want: "m04 m03"},
		{Query: "“losers and haters”", Same: `"losers and haters"`},
		{Query: "state-of-the-art", Want: "m06 m05"},
		{Query: `"state of the art"`, Same: "state-of-the-art"},
		{Query: "don't", Want: "m07"},
		{Query: "don’t", Same: "don't"},
		{Query: "25%", Want: "m08"},
		{Query: "50%", Want: "m08"},
		{Query: `"25% larger"`, Want: "m08"},
		{Query: "12:30", Want: "m12"},
		{Query: "https://ministry.example/budget-2020", Want: "m12"},
		{Query: "🎉", Want: "m12"},
		{Query: `"tariff less"`, Want: ""}, // options of a poll are no phrase
		{Query: `"less tariff"`, Want: "m13"},
		{Query: "chart prices", Want: "m13"},
		{Query: "typography", Want: "m14"},
		{Query: "bold fine smart", Want: "m14"},
		{Query: `"quotes dashes"`, Want: "m14"},
		{Query: "secret", Want: ""}, // withheld
		{Query: "nothing-of-the-sort", Want: ""},
		{Query: "new opening", Want: "w02"}, // an earlier wording
		{Query: "steel*", Want: "w03 w01 m13 m09 m06 m01 x01"},
		{Query: "correction", Want: "w01"},
		{Query: "le", Want: "300/6 300/3"},
	}
}

func scriptCases() []Case {
	return []Case{
		{Query: "élection", Want: "300/2 300/1"},
		{Query: "election", Same: "élection"},
		{Query: "ELECTION", Same: "élection"},
		{Query: "e\u0301lection", Same: "élection"},
		{Query: "été", Want: "300/4 300/1"},
		{Query: "coeur", Want: "300/3"},
		{Query: "«trop d’impôt tue l’impôt»", Want: "300/3"},
		{Query: "impot*", Want: "300/4 300/3"},
		{Query: "garcon naivete noel", Want: "300/5"},
		{Query: "taxe", Want: "300/6"},
		{Query: "الضرائب", Want: "600/2 600/1"},
		{Query: "الضَّرَائِب", Same: "الضرائب"},
		{Query: "إمارة", Want: "600/2"},
		{Query: "امارة", Same: "إمارة"},
		{Query: "احمد", Want: "600/3"},
		{Query: "ومصطفي 123", Want: "600/3"},
		{Query: "中国", Want: "l01"},
		{Query: "关税", Want: "l01"},
		{Query: "税", Want: "l02 l01"},
		{Query: "话", Want: "l02"},
		{Query: "gdp", Want: "l02"},
		{Query: "和GDP的", Want: "l02"},
		{Query: "国中", Want: ""},
		{Query: "スピーチ", Want: "l03"},
		{Query: "ｶﾒﾗ", Want: "l03"},
		{Query: "관세", Want: "l04"},
		{Query: "налоги", Want: "700/2 700/1"},
		{Query: "еще", Want: "700/2 700/1"},
		{Query: "ЕЩЁ", Same: "еще"},
		{Query: "тариф*", Want: "700/2 700/1"},
		{Query: "край", Want: "700/2"},
		{Query: "краи", Want: ""},
		{Query: "украіна", Want: "700/3"},
	}
}

func filterCases() []Case {
	yes, no := true, false
	return []Case{
		{Query: "figure:jean-dupont", Want: "300/5 300/6 300/4 300/3 300/2 300/1"},
		{Query: "platform:website", Want: "w03 w02 w01"},
		{Query: "platform:x", Want: "x03 x02 x01 x04"},
		{Query: "platform:telegram -figure:jean-dupont", Want: "700/3 700/2 700/1 600/3 600/2 600/1"},
		{Query: "tariff* platform:mastodon", Want: "m13 m10 m05 m02 m01"},
		{Query: "tariff* -platform:mastodon", Want: "w01 x01 x04"},
		{Query: "is:deleted", Want: "300/4 w03 m07 x03"},
		{Query: "is:gone", Want: "x02 x01 x04"},
		{Query: "is:offline", Want: "w02 w01"},
		{Query: "is:restored", Want: "m09"},
		{Query: "is:unconfirmed", Want: "m10"},
		{Query: "is:withheld", Want: "m11"},
		{Query: "is:edited", Want: "300/6 w02 m08"},
		{Query: "is:imported", Want: "x04"},
		{Query: "is:reply", Want: "m03 x02"},
		{Query: "is:repost", Want: "m09"},
		{Query: "is:quote", Want: "m05"},
		{Query: "is:reply -is:gone", Want: "m03"},
		{Query: "is:live is:deleted", Want: ""},
		{Query: "losers is:deleted", Want: "x03"},
		{Query: "tariff* since:2020", Want: "w01 m13 m10 m05"},
		{Query: "tariff* until:2020", Want: "m02 m01 x01 x04"},
		{Query: "since:2019-12-31T23:59:59 until:2020-01-01", Want: "m03"},
		{Query: "since:2020 until:2020-01-07", Want: "m05 m04"},
		{Query: "since:2020-01-06T12:30 until:2020-02", Want: "m05"},
		{Query: "since:2020-01-06T12:30:01 until:2020-02", Want: ""},
		{Query: "-since:2018", Want: "x04"},
		{Query: "since:2021-02 until:2021-06-02 -figure:jane-example", Want: "300/1 w03"},
		{Query: "-steel -tariff* platform:mastodon until:2020-03", Want: "m04 m03"},
		{Query: "since:2022-03", Want: "700/3 700/2 700/1"},
		{Query: "tariffed platform:x", Want: ""},
		{Query: "figure:nobody", Want: ""},
		{Query: "tariff*", Request: search.Request{Platforms: []string{"x", "website"}}, Want: "w01 x01 x04"},
		{Query: "", Request: search.Request{Figures: []string{"li-example", "ivan-example"}}, Want: "700/3 700/2 700/1 l04 l03 l02 l01"},
		{Query: "", Request: search.Request{Accounts: []string{"x/200", "telegram/700"}}, Want: "700/3 700/2 700/1 x03 x02 x01 x04"},
		{Query: "", Request: search.Request{States: []onrecord.State{onrecord.StateRestored, onrecord.StateDeleted}}, Want: "300/4 w03 m09 m07 x03"},
		{Query: "", Request: search.Request{States: []onrecord.State{onrecord.StateWithheld, onrecord.StateUnconfirmed}}, Want: "m11 m10"},
		{Query: "", Request: search.Request{Types: []string{"reply", "quote"}}, Want: "m05 m03 x02"},
		{Query: "platform:mastodon -is:live", Request: search.Request{Edited: &no}, Want: "m10 m09 m07"},
		{Query: "", Request: search.Request{Edited: &yes}, Want: "300/6 w02 m08"},
		{Query: "-is:edited", Request: search.Request{Edited: &yes}, Want: ""},
		{Query: "steel", Request: search.Request{Since: day("2020-03-01"), Until: day("2021-01-11")}, Want: "w01 m13 m09"},
	}
}
