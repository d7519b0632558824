// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package onrecord

import (
	"fmt"
	"math"
)

// ParseEvent reads one journal line of an event, without its line end: the
// inverse of AppendLine. Unknown keys of the line are kept in Extra (numbers
// as json.Number); unknown keys deeper in are ignored. A duplicate key at any
// depth, a value of the wrong kind, another version or a line longer than
// MaxLine is an error. Index is -1 and Visit zero; the archive knows them.
// Prev is -1 where the line names none.
func ParseEvent(line []byte) (Event, error) {
	e := Event{Prev: -1, Index: -1}
	if len(line) > MaxLine {
		return Event{}, fmt.Errorf("journal line of %d bytes, at most %d: %w", len(line), MaxLine, ErrLine)
	}
	r := reader{b: line}
	version := int64(-1)
	r.object(func(key string) {
		if key == "v" {
			version = r.int64()
			return
		}
		if !r.headMember(&e, key) && !r.statementMember(&e, key) && !r.judgementMember(&e, key) {
			if e.Extra == nil {
				e.Extra = map[string]any{}
			}
			e.Extra[key] = r.any()
		}
	})
	if err := r.end(); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrLine, err)
	}
	if version != lineVersion {
		return Event{}, fmt.Errorf("journal line of version %d, this program knows %d: %w", version, lineVersion, ErrLine)
	}
	if e.Type.isNone() {
		return Event{}, fmt.Errorf("journal line of type %q is no event: %w", e.Type, ErrLine)
	}
	return e, nil
}

// CheckLine reports why line is not a journal line of any kind: one JSON
// object by docs/format.md, without duplicate keys at any depth.
func CheckLine(line []byte) error {
	if len(line) > MaxLine {
		return fmt.Errorf("journal line of %d bytes, at most %d: %w", len(line), MaxLine, ErrLine)
	}
	r := reader{b: line}
	r.object(func(string) { r.skip() })
	if err := r.end(); err != nil {
		return fmt.Errorf("%w: %w", ErrLine, err)
	}
	return nil
}

// headMember reads the value of a key that every event may have; it reports
// false for other keys.
func (r *reader) headMember(e *Event, key string) bool {
	switch key {
	case "type":
		e.Type = EventType(r.str())
	case "at":
		e.At = r.time()
	case "after":
		e.After = r.time()
	case "by":
		e.By = r.time()
	case "clock_disputed":
		e.Disputed = r.bool()
	case "figure":
		e.Figure = r.str()
	case "source":
		e.Source = r.str()
	case "door":
		e.Door = r.str()
	case "parser":
		e.Parser = r.str()
	case "account":
		e.Account = r.account()
	case "captures":
		r.array(func() { e.Captures = append(e.Captures, r.capture()) })
	case "prev":
		e.Prev = r.int64()
	case "salt":
		e.Salt = r.str()
	default:
		return false
	}
	return true
}

func (r *reader) statementMember(e *Event, key string) bool {
	switch key {
	case "statement":
		e.Statement = StatementID(r.str())
	case "native_id":
		e.NativeID = r.str()
	case "ref":
		e.LocalID = r.str()
	case "url":
		e.URL = r.str()
	case "aliases":
		e.Aliases = r.strs()
	case "order":
		e.Order = r.str()
	case "version":
		e.Version = VersionID(r.str())
	case "content":
		e.Content = r.content()
	case "published_at":
		e.PublishedAt = r.time()
	case "precision":
		e.Precision = Precision(r.str())
	case "changed":
		e.Changed = r.time()
	case "engagement":
		r.object(func(name string) {
			if e.Engagement == nil {
				e.Engagement = map[string]int64{}
			}
			e.Engagement[name] = r.int64()
		})
	default:
		return false
	}
	return true
}

func (r *reader) judgementMember(e *Event, key string) bool {
	switch key {
	case "grade":
		e.Grade = Grade(r.str())
	case "provenance":
		e.Provenance = Provenance(r.str())
	case "look":
		e.Look = LookResult(r.str())
	case "state":
		e.State = AccountState(r.str())
	case "code":
		e.Code = r.str()
	case "reason":
		e.Reason = r.str()
	case "gap":
		e.Gap = r.gap()
	case "run":
		e.Run = r.run()
	case "platform":
		e.Platform = r.str()
	case "observed":
		e.Observed = r.observed()
	case "takedown":
		e.Takedown = r.takedown()
	case "erasure":
		e.Erasure = r.erasure()
	case "media_kept":
		e.Media = r.kept()
	default:
		return false
	}
	return true
}

func (r *reader) account() AccountRef {
	var a AccountRef
	r.object(func(key string) {
		switch key {
		case "platform":
			a.Platform = r.str()
		case "id":
			a.ID = r.str()
		case "handle":
			a.Handle = r.str()
		case "name":
			a.Name = r.str()
		default:
			r.skip()
		}
	})
	return a
}

func (r *reader) gap() *Gap {
	var g Gap
	r.object(func(key string) {
		switch key {
		case "reason":
			g.Reason = r.str()
		case "open":
			g.Open = r.bool()
		case "since":
			g.Since = r.time()
		case "note":
			g.Note = r.str()
		default:
			r.skip()
		}
	})
	return &g
}

func (r *reader) observed() *AccountObservation {
	var o AccountObservation
	r.object(func(key string) {
		switch key {
		case "state":
			o.State = AccountState(r.str())
		case "id":
			o.ID = r.str()
		case "handle":
			o.Handle = r.str()
		case "name":
			o.Name = r.str()
		case "moved_to":
			o.MovedTo = r.str()
		case "code":
			o.Code = r.str()
		default:
			r.skip()
		}
	})
	return &o
}

func (r *reader) run() *Run {
	var run Run
	r.object(func(key string) {
		switch key {
		case "door":
			run.Door = r.str()
		case "parser":
			run.Parser = r.str()
		case "from":
			run.From = r.time()
		case "until":
			run.Until = r.time()
		case "visits":
			run.Visits = r.int()
		case "base":
			run.Base = r.int64()
		case "range":
			run.Range = r.ordersRange()
		case "except":
			run.Except = r.ids()
		case "seen":
			run.Seen = r.ids()
		case "unread":
			run.Unread = r.ids()
		case "asked":
			r.array(func() { run.Asked = append(run.Asked, r.asked()) })
		case "checks":
			run.Checks = r.bool()
		case "account":
			run.Account = AccountState(r.str())
		case "provenance":
			run.Provenance = Provenance(r.str())
		default:
			r.skip()
		}
	})
	return &run
}

func (r *reader) asked() Asked {
	var a Asked
	r.object(func(key string) {
		switch key {
		case "at":
			a.At = r.time()
		case "read":
			a.Read = r.ids()
		case "live":
			a.Live = r.ids()
		case "gone":
			a.Gone = r.ids()
		case "unclear":
			a.Unclear = r.ids()
		default:
			r.skip()
		}
	})
	return a
}

func (r *reader) ids() (list []StatementID) {
	r.array(func() { list = append(list, StatementID(r.str())) })
	return list
}

func (r *reader) ordersRange() Range {
	var o Range
	r.object(func(key string) {
		switch key {
		case "from":
			o.From = r.str()
		case "to":
			o.To = r.str()
		case "from_in":
			o.FromIn = r.bool()
		case "to_in":
			o.ToIn = r.bool()
		default:
			r.skip()
		}
	})
	return o
}

func (r *reader) capture() CaptureRef {
	var c CaptureRef
	r.object(func(key string) {
		switch key {
		case "object":
			c.Object = r.str()
		case "offset":
			c.Offset = r.int64()
		case "length":
			c.Length = r.int64()
		case "sha256":
			c.SHA256 = r.str()
		case "url":
			c.URL = r.str()
		case "at":
			c.At = r.time()
		case "status":
			c.Status = r.int()
		default:
			r.skip()
		}
	})
	return c
}

// int reads an integer of 32 bits.
func (r *reader) int() int {
	n := r.int64()
	if n < math.MinInt32 || n > math.MaxInt32 {
		r.fail("want an integer of 32 bits")
		return 0
	}
	return int(n)
}
