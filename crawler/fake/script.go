// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// ErrScript reports a script that is not in the format of this package.
var ErrScript = errors.New("bad script")

// maxRepeat bounds what one answer sends.
const maxRepeat = 1 << 20

// An answer is one file of a script.
type answer struct {
	scene       int
	status      int
	header      http.Header
	body        string
	delay       time.Duration
	cut         int // -1 for none
	reset       bool
	conditional bool
	gzip        bool
	repeat      int
	made        string // body that a directive has made
}

// A route is a request with its answers, by scene, then in order.
type route struct {
	method, path, query string
	hasQuery, prefix    bool
	answers             []answer
}

// parse reads a script.
func parse(script []byte) (map[string]*route, error) {
	archive := txtar.Parse(script)
	if len(archive.Files) == 0 {
		return nil, fmt.Errorf("no files: %w", ErrScript)
	}
	routes := map[string]*route{}
	for _, f := range archive.Files {
		if err := add(routes, f); err != nil {
			return nil, fmt.Errorf("-- %s --: %w", f.Name, err)
		}
	}
	for _, r := range routes {
		slices.SortStableFunc(r.answers, func(a, b answer) int { return a.scene - b.scene })
	}
	return routes, nil
}

func add(routes map[string]*route, f txtar.File) error {
	name := f.Name
	var a answer
	var err error
	if name == "robots.txt" {
		name = "GET /robots.txt"
		a = answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain"}}, body: string(f.Data), cut: -1, repeat: 1}
	} else if a, err = parseAnswer(f.Data); err != nil {
		return err
	}
	r := routes[name]
	if r == nil {
		if r, err = parseRoute(name); err != nil {
			return err
		}
		routes[name] = r
	}
	r.answers = append(r.answers, a)
	return nil
}

func parseRoute(name string) (*route, error) {
	method, path, ok := strings.Cut(name, " ")
	if !ok || method != strings.ToUpper(method) || !strings.HasPrefix(path, "/") || strings.Contains(path, " ") {
		return nil, fmt.Errorf("a name is METHOD /path: %w", ErrScript)
	}
	r := &route{method: method}
	r.path, r.query, r.hasQuery = strings.Cut(path, "?")
	if !r.hasQuery {
		r.path, r.prefix = strings.CutSuffix(r.path, "*")
	}
	return r, nil
}

func parseAnswer(data []byte) (answer, error) {
	a := answer{status: http.StatusOK, header: http.Header{}, cut: -1, repeat: 1}
	for n := 1; len(data) > 0; n++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		text := strings.TrimRight(string(line), "\r")
		if text == "" {
			break
		}
		if err := a.line(text); err != nil {
			return a, fmt.Errorf("line %d: %q: %w", n, text, err)
		}
	}
	if a.body = strings.TrimSuffix(string(data), "\n"); a.made != "" {
		a.body = a.made
	}
	return a, nil
}

// line reads a header line or a directive.
func (a *answer) line(text string) error {
	word, value, _ := strings.Cut(text, " ")
	if name, value, ok := strings.Cut(text, ":"); ok && strings.HasSuffix(word, ":") {
		value = strings.TrimSpace(value)
		if !isToken(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return fmt.Errorf("no header: %w", ErrScript)
		}
		a.header.Add(textproto.CanonicalMIMEHeaderKey(name), value)
		return nil
	}
	switch word {
	case "reset", "conditional", "gzip":
		if value != "" {
			return fmt.Errorf("%s takes nothing: %w", word, ErrScript)
		}
		a.reset = a.reset || word == "reset"
		a.conditional = a.conditional || word == "conditional"
		a.gzip = a.gzip || word == "gzip"
		return nil
	case "picture", "sound":
		return a.make(word, value)
	case "delay":
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("no duration: %w", ErrScript)
		}
		a.delay = d
		return nil
	}
	n, err := strconv.Atoi(value)
	switch {
	case err != nil || n < 0:
		return fmt.Errorf("neither a header nor a directive: %w", ErrScript)
	case word == "status" && n >= 200 && n <= 599:
		a.status = n
	case word == "cut":
		a.cut = n
	case word == "repeat" && n <= maxRepeat:
		a.repeat = n
	case word == "scene":
		a.scene = n
	default:
		return fmt.Errorf("neither a header nor a directive: %w", ErrScript)
	}
	return nil
}

// make makes the body.
func (a *answer) make(what, spec string) (err error) {
	if what == "picture" {
		a.header.Set("Content-Type", "image/png")
		a.made, err = picture(spec)
		return err
	}
	a.header.Set("Content-Type", "audio/wav")
	a.made, err = sound(spec)
	return err
}

// isToken reports whether s can name a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
