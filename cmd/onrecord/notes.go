// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// notes writes log records for the person who runs a command, a line each among its
// other messages: what happened, with what, and why. A process that serves writes
// logfmt instead, for whoever reads its log later.
type notes struct {
	w     io.Writer
	level slog.Level
	attrs []slog.Attr
}

// Enabled implements slog.Handler.
func (n *notes) Enabled(_ context.Context, l slog.Level) bool { return l >= n.level }

// Handle implements slog.Handler.
func (n *notes) Handle(_ context.Context, r slog.Record) error {
	what, why := []string{}, ""
	add := func(a slog.Attr) bool {
		value := fmt.Sprint(a.Value.Resolve().Any())
		if err, ok := a.Value.Any().(error); ok {
			value = told(err)
		}
		switch a.Key {
		case "err", "why":
			why += ": " + value
		default:
			what = append(what, a.Key+" "+value)
		}
		return true
	}
	for _, a := range n.attrs {
		add(a)
	}
	r.Attrs(add)
	line := "note: " + r.Message
	if len(what) > 0 {
		line += " (" + strings.Join(what, ", ") + ")"
	}
	_, err := io.WriteString(n.w, plain(line+why)+"\n")
	return err
}

// WithAttrs implements slog.Handler.
func (n *notes) WithAttrs(list []slog.Attr) slog.Handler {
	return &notes{n.w, n.level, slices.Concat(n.attrs, list)}
}

// WithGroup implements slog.Handler: no message here has groups.
func (n *notes) WithGroup(string) slog.Handler { return n }
