// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord/config"
)

// witnessed returns a configuration with the given section log.
func witnessed(lines string) string {
	return strings.Replace(full, "log: {origin: archive.example/log}\n", lines, 1)
}

func TestWitnesses(t *testing.T) {
	got := parse(t, witnessed(`
log:
  origin: archive.example/log
  witnesses:
    - {key: "w.example/1+0a1b2c3d+BAAA", url: "https://w.example/"}
    - {key: "w.example/2+0a1b2c3e+BAAB", url: "http://127.0.0.1:9/two"}
`))
	want := []config.Witness{{Key: "w.example/1+0a1b2c3d+BAAA", URL: "https://w.example"}, {Key: "w.example/2+0a1b2c3e+BAAB", URL: "http://127.0.0.1:9/two"}}
	for name, c := range map[string]*config.Config{
		"read": got, "printed": parse(t, string(got.Print())), "template": parse(t, string(config.Template(*got))),
	} {
		if diff := cmp.Diff(want, c.Log.Witnesses); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestWitnessProblems(t *testing.T) {
	o := options()
	o.Witness = func(key string) error {
		if strings.Contains(key, "typo") {
			return errors.New("a letter is wrong")
		}
		return nil
	}
	for lines, want := range map[string]string{
		`{key: "a+b+c"}`:                                                                     "log.witnesses[0].url: is required",
		`{url: "https://w.example"}`:                                                         "log.witnesses[0].key: is required",
		`{key: "a+b+c", url: "ftp://w.example"}`:                                             "is no http or https URL",
		`{key: "a+b+c", url: "https://u:p@w.example"}`:                                       "a password does not belong into a URL",
		`{key: "a+b+c", url: "https://w.example/?x=1"}`:                                      "has more than a path",
		`{key: "abc", url: "https://w.example"}`:                                             `"abc" is no key of a witness`,
		`{key: "typo+b+c", url: "https://w.example"}`:                                        "a letter is wrong",
		`{key: "a+b+c", url: "https://w.example", name: "w"}`:                                "name",
		`{key: "a+b+c", url: "https://w.example"}, {key: "a+b+c", url: "https://v.example"}`: "the same witness twice",
	} {
		_, err := config.Parse("/etc/onrecord/onrecord.yaml", []byte(witnessed("log: {origin: archive.example/log, witnesses: ["+lines+"]}\n")), o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", lines, err, want)
		}
	}
}
