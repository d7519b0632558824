// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"onrecord/archive/bucket/s3"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		text string
		want s3.Location
	}{
		{"s3://bucket/a/b?endpoint=http://127.0.0.1:7070", s3.Location{Bucket: "bucket", Prefix: "a/b", Host: "127.0.0.1:7070", Region: "us-east-1"}},
		{"s3://bucket?endpoint=s3.example&region=eu-1", s3.Location{Bucket: "bucket", Host: "s3.example", Secure: true, Region: "eu-1"}},
		{"s3://bucket/?endpoint=https%3A%2F%2Fs3.example%3A9000%2F&style=host", s3.Location{Bucket: "bucket", Host: "s3.example:9000", Secure: true, Region: "us-east-1", HostStyle: true}},
		{"s3://bucket/p/?region=eu-central-1", s3.Location{Bucket: "bucket", Prefix: "p", Host: "s3.eu-central-1.amazonaws.com", Secure: true, Region: "eu-central-1", HostStyle: true}},
		{"s3://my.bucket?region=eu-central-1", s3.Location{Bucket: "my.bucket", Host: "s3.eu-central-1.amazonaws.com", Secure: true, Region: "eu-central-1"}},
	} {
		got, err := s3.ParseURL(c.text)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v; want %+v", c.text, got, err, c.want)
		}
		if again, err := s3.ParseURL(got.String()); err != nil || again != got {
			t.Errorf("%s, written and read again: %+v, %v", got, again, err)
		}
	}
	for text, want := range map[string]string{
		"file:///a":                 "is no S3 address",
		"s3:bucket":                 "is no S3 address",
		"s3://b?region=x":           "no name of a bucket",
		"s3://Bucket?region=x":      "no name of a bucket",
		"s3://bucket":               "names neither endpoint nor region",
		"s3://a:b@bucket?region=x":  "a password does not belong into a URL",
		"s3://bucket?region=x#y":    "no #",
		"s3://bucket/A?region=x":    "not a valid key",
		"s3://bucket/a//b?region=x": "not a valid key",
		"s3://bucket/" + strings.Repeat("a", 101) + "?region=x": "at most 100",
		"s3://bucket?regoin=x":                    `unknown parameter "regoin"`,
		"s3://bucket?region=x&region=y":           "want one value",
		"s3://bucket?region=":                     "want one value",
		"s3://bucket?region=x&style=virtual":      "want path or host",
		"s3://bucket?endpoint=ftp://x":            "want http:// or https://",
		"s3://bucket?endpoint=http://":            "want http:// or https://",
		"s3://bucket?endpoint=http://x/path":      "and nothing else",
		"s3://bucket?endpoint=http://me:secret@x": "and nothing else",
		"s3://bucket?region=%zz":                  "invalid URL escape",
		"s3://bucket?endpoint=http://x:notaport":  "want http:// or https://",
	} {
		if _, err := s3.ParseURL(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("s3://bucket/prefix?endpoint=https://s3.example&region=eu-1&style=path")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := s3.ParseURL(text)
		if err != nil {
			return
		}
		if again, err := s3.ParseURL(at.String()); err != nil || again != at {
			t.Errorf("%q is %+v, and written and read again %+v, %v", text, at, again, err)
		}
	})
}

func TestSecretsDoNotPrint(t *testing.T) {
	const word = "hunter2"
	c := s3.Credentials{AccessKey: "me", SecretKey: s3.NewSecret(word), SessionToken: s3.NewSecret(word)}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", c, &c, c.SecretKey)
	}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	slog.New(slog.NewTextHandler(&out, nil)).Info("open", "keys", c, "secret", c.SecretKey)
	out.WriteString(c.SecretKey.String())
	if hexed := fmt.Sprintf("%x", word); strings.Contains(out.String(), word) || strings.Contains(out.String(), hexed) {
		t.Errorf("printed:\n%s", out.String())
	}
}

func TestFileCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s3.key")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("# the archive's own\naccess_key: me\nsecret_key: \"a:b#c\"\n\nsession_token: t\n", 0o600)
	got, err := s3.FileCredentials(path)
	want := s3.Credentials{AccessKey: "me", SecretKey: s3.NewSecret("a:b#c"), SessionToken: s3.NewSecret("t")}
	if err != nil || got != want {
		t.Errorf("FileCredentials: %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"access_key: me\n":                 "not both",
		"access_key: me\nhunter2\n":        "s3.key:2: want",
		"access_key: me\nsecret: hunter2":  "s3.key:2: want",
		"":                                 "not both",
		strings.Repeat("x", 70<<10) + "\n": "token too long",
	} {
		write(text, 0o600)
		if _, err := s3.FileCredentials(path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	write("access_key: me\nsecret_key: s\n", 0o640)
	if _, err := s3.FileCredentials(path); err == nil {
		t.Error("a file that others can read is read")
	} else if e, ok := errors.AsType[*s3.ModeError](err); !ok || e.Mode != 0o640 || e.Path != path {
		t.Errorf("a file that others can read: %v", err)
	}
	if _, err := s3.FileCredentials(filepath.Dir(path)); err == nil {
		t.Error("a folder is read")
	}
	env := map[string]string{"AWS_ACCESS_KEY_ID": "me"}
	if _, ok := s3.EnvCredentials(func(k string) string { return env[k] }); ok {
		t.Error("half of the credentials is enough")
	}
	env["AWS_SECRET_ACCESS_KEY"] = "s"
	if c, ok := s3.EnvCredentials(func(k string) string { return env[k] }); !ok || c.AccessKey != "me" || c.SecretKey != s3.NewSecret("s") {
		t.Errorf("EnvCredentials: %+v, %v", c, ok)
	}
}
