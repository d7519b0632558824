// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// A Secret is a text that does not print: not with any verb of fmt, not in
// JSON, not in a log.
type Secret struct{ text string }

// NewSecret returns s as a secret.
func NewSecret(s string) Secret { return Secret{s} }

const hidden = "(secret)"

// Format implements fmt.Formatter for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// String implements fmt.Stringer.
func (Secret) String() string { return hidden }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Credentials are what a store knows its user by.
type Credentials struct {
	AccessKey    string
	SecretKey    Secret
	SessionToken Secret // empty for keys that do not end
}

const maxCredentials = 64 << 10 // bytes of a file

// FileCredentials reads a file with the lines
//
//	access_key: …
//	secret_key: …
//	session_token: …     (if there is one)
//
// that only its owner can read. Empty lines and those that begin with # count
// for nothing.
func FileCredentials(path string) (Credentials, error) {
	var c Credentials
	f, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("credentials: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return c, fmt.Errorf("credentials: %w", err)
	case !info.Mode().IsRegular():
		return c, fmt.Errorf("credentials: %s is no file", path)
	case info.Mode().Perm()&0o077 != 0:
		return c, &ModeError{Path: path, Mode: info.Mode().Perm()}
	}
	scan := bufio.NewScanner(io.LimitReader(f, maxCredentials))
	for n := 1; scan.Scan(); n++ {
		line := strings.TrimSpace(scan.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch name = strings.TrimSpace(name); {
		case ok && name == "access_key":
			c.AccessKey = value
		case ok && name == "secret_key":
			c.SecretKey = Secret{value}
		case ok && name == "session_token":
			c.SessionToken = Secret{value}
		default: // never the line itself: it may be the secret
			return Credentials{}, fmt.Errorf(`credentials: %s:%d: want "access_key: …", "secret_key: …" or "session_token: …"`, path, n)
		}
	}
	if err := scan.Err(); err != nil {
		return Credentials{}, fmt.Errorf("credentials: %s: %w", path, err)
	}
	if c.AccessKey == "" || c.SecretKey.text == "" {
		return Credentials{}, fmt.Errorf("credentials: %s has not both access_key and secret_key", path)
	}
	return c, nil
}

// EnvCredentials reads AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN through getenv. It reports whether the first two are there.
func EnvCredentials(getenv func(string) string) (Credentials, bool) {
	c := Credentials{
		AccessKey:    getenv("AWS_ACCESS_KEY_ID"),
		SecretKey:    Secret{getenv("AWS_SECRET_ACCESS_KEY")},
		SessionToken: Secret{getenv("AWS_SESSION_TOKEN")},
	}
	return c, c.AccessKey != "" && c.SecretKey.text != ""
}

// A ModeError reports a file of credentials that others can read.
type ModeError struct {
	Path string
	Mode os.FileMode
}

func (e *ModeError) Error() string {
	return fmt.Sprintf("credentials: %s can be read by others (mode %04o)", e.Path, e.Mode)
}
