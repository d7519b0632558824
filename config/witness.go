// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
)

// mostWitnesses is the largest number of witnesses.
const mostWitnesses = 16

// witness reads one of log.witnesses.
func (r *reader) witness(w *Witness) []key {
	return []key{
		{"key", r.text(&w.Key)},
		{"url", r.text(&w.URL)},
	}
}

// witnesses checks log.witnesses.
func (k *checker) witnesses() {
	const keyHint = "as the witness publishes it: name+hash+key"
	if n := len(k.Log.Witnesses); n > mostWitnesses {
		k.fault("log.witnesses", "", "%d witnesses, at most %d", n, mostWitnesses)
	}
	for i := range k.Log.Witnesses {
		w, path := &k.Log.Witnesses[i], fmt.Sprintf("log.witnesses[%d]", i)
		if k.required(path+".url", w.URL) {
			w.URL = strings.TrimRight(w.URL, "/")
			k.webURL(path+".url", w.URL)
			if strings.ContainsAny(w.URL, "?#") {
				k.fault(path+".url", "the part before /add-checkpoint", "%q has more than a path", w.URL)
			}
		}
		if !k.required(path+".key", w.Key) {
			continue
		}
		if strings.Count(w.Key, "+") < 2 {
			k.fault(path+".key", keyHint, "%.80q is no key of a witness", w.Key)
		} else if k.o.Witness != nil {
			if err := k.o.Witness(w.Key); err != nil {
				k.fault(path+".key", keyHint, "%v", err)
			}
		}
		if slices.ContainsFunc(k.Log.Witnesses[:i], func(o Witness) bool { return o.Key == w.Key }) {
			k.fault(path+".key", "", "the same witness twice")
		}
	}
}

// witnesses prints log.witnesses.
func (p *printer) witnesses(list []Witness) {
	if len(list) == 0 {
		return
	}
	p.section(1, "witnesses")
	for _, w := range list {
		p.line(2, "- key: "+quote(w.Key))
		p.line(2, "  url: "+quote(w.URL))
	}
}

// witnessesShown is witnesses for a new file, with an example where there are
// none.
func (p *printer) witnessesShown(list []Witness) {
	p.note(1, "Others who sign each checkpoint after a proof that it extends the one before, so that")
	p.note(1, "nobody has to believe this archive (C2SP tlog-witness). Ask them to add your log first.")
	if len(list) > 0 {
		p.witnesses(list)
		return
	}
	p.note(1, "witnesses:")
	p.note(1, `  - {key: "witness.example/w1+0a1b2c3d+BA…", url: "https://witness.example"}`)
}
