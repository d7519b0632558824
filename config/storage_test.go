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

// stored returns a configuration with the given lines about storage.
func stored(lines string) string {
	return strings.Replace(full, "storage: {url: file:data}\n", lines, 1)
}

func TestStorage(t *testing.T) {
	got := parse(t, stored(`
storage:
  url: s3://bucket/main?endpoint=https://s3.example
  credentials: keys/main.key
  replicas:
    - {url: "s3://other/main?region=eu-2", credentials: /etc/keys/other.key}
    - url: file:copy
spool_limit: 500MB
`))
	want := config.Storage{
		Store: config.Store{URL: "s3://bucket/main?endpoint=https://s3.example", Credentials: "/etc/onrecord/keys/main.key"},
		Replicas: []config.Store{
			{URL: "s3://other/main?region=eu-2", Credentials: "/etc/keys/other.key"},
			{URL: "file:///etc/onrecord/copy"},
		},
	}
	if diff := cmp.Diff(want, got.Storage); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.SpoolLimit != 500e6 {
		t.Errorf("spool_limit is %d", got.SpoolLimit)
	}
	again := parse(t, string(got.Print()))
	if diff := cmp.Diff(got.Storage, again.Storage); diff != "" || again.SpoolLimit != got.SpoolLimit {
		t.Errorf("printed and read again:\n%s\nspool_limit %d", diff, again.SpoolLimit)
	}
	c := *got
	template := parse(t, string(config.Template(c)))
	if diff := cmp.Diff(got.Storage, template.Storage); diff != "" || template.SpoolLimit != got.SpoolLimit {
		t.Errorf("the template reads as:\n%s\nspool_limit %d", diff, template.SpoolLimit)
	}
}

func TestStorageProblems(t *testing.T) {
	o := options()
	o.Storage = func(url string) error {
		if strings.Contains(url, "sloth") {
			return errors.New("unknown parameter \"sloth\"")
		}
		return nil
	}
	for _, c := range []struct{ lines, want string }{
		{"storage: {url: 's3://me:secret@bucket/'}", "storage.url: a password does not belong into a URL"},
		{"storage: {url: 's3:///prefix'}", "storage.url: names no bucket"},
		{"storage: {url: 's3://bucket?sloth=1'}", `storage.url: unknown parameter "sloth"`},
		{"storage: {url: 'gopher://bucket'}", `storage.url: "gopher" is no storage of this release`},
		{"storage: {url: 'file:a', credentials: k}", "storage.credentials: a folder has no credentials"},
		{"storage: {url: 'file:a', replicas: [{credentials: k}]}", "storage.replicas[0].url: is required"},
		{"storage: {url: 'file:a', replicas: [{url: 'file:./a'}]}", `"file:///etc/onrecord/a" is storage.url already`},
		{"storage: {url: 'file:a', replicas: [{url: 's3://b'}, {url: 's3://b'}]}", `"s3://b" is storage.replicas[0].url already`},
		{"storage: {url: 'file:a', replicas: [{ur: 's3://b', url: 's3://b'}]}", `storage.replicas[0].ur: unknown key (did you mean "url"?)`},
		{"storage: {url: 'file:a'}\nspool_limit: plenty", `spool_limit: "plenty" is no size (such as 500MB or 2GiB)`},
		{"storage: {url: 'file:a'}\nspool_limit: 1.5GiB", "is no size"},
		{"storage: {url: 'file:a'}\nspool_limit: 99999999999TiB", "is no size"},
		{"storage: {url: 'file:a'}\nspool_limit: -1", "is no size"},
		{"storage: {url: 'file:a'}\nspool_limit: 0", "0 is less than 64MiB"},
		{"storage: {url: 'file:a'}\nspool_limit: 1MiB", "spool_limit: 1MiB is less than 64MiB"},
	} {
		_, err := config.Parse("/etc/onrecord/onrecord.yaml", []byte(stored(c.lines+"\n")), o)
		if err == nil {
			t.Errorf("%s: no problem", c.lines)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\n%v\nwant one problem: %s", c.lines, err, c.want)
		}
	}
}
