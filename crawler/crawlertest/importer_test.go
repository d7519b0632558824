// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package crawlertest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/crawler/crawlertest"
)

// ids is an importer of an invented format: a native id a line in *.ids, then
// "end".
type ids struct {
	spoil func(b *crawler.Batch, err *error)
	greed bool // opens what is none of its business
	deaf  bool // does not hear that its context has ended
}

func (ids) Info() crawler.Info { return crawler.Info{Kind: "ids", Parser: "ids/1"} }

func (d ids) Files(fsys fs.FS) ([]string, error) {
	if d.greed {
		if f, err := fsys.Open("secret.txt"); err == nil {
			_ = f.Close()
		}
	}
	list, err := fs.Glob(fsys, "*.ids")
	if len(list) == 0 {
		err = errors.New("no *.ids")
	}
	return list, err
}

func (d ids) Import(ctx context.Context, fsys fs.FS, _ crawler.Target) iter.Seq2[crawler.Batch, error] {
	return func(yield func(crawler.Batch, error) bool) {
		list, err := d.Files(fsys)
		if err != nil {
			yield(crawler.Batch{}, err)
			return
		}
		for _, name := range list {
			b, err := d.read(fsys, name)
			if !d.deaf {
				err = errors.Join(err, ctx.Err())
			}
			if d.spoil != nil {
				d.spoil(&b, &err)
			}
			if b.Records > 0 && !yield(b, nil) || err != nil && !yield(crawler.Batch{}, err) {
				return
			}
		}
	}
}

func (d ids) read(fsys fs.FS, name string) (crawler.Batch, error) {
	b := crawler.Batch{File: name}
	f, err := fsys.Open(name)
	if err != nil {
		return b, err
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		switch {
		case line == "end":
			return b, nil
		case strings.HasPrefix(line, "id "):
			b.Items = append(b.Items, onrecord.Observation{Ref: onrecord.Ref{NativeID: line}, State: onrecord.ItemLive, Content: onrecord.Content{Type: "post"}})
		default:
			b.Refused = append(b.Refused, crawler.Refusal{File: name, Record: b.Records + 1, Reason: "no id"})
		}
		b.Records++
	}
	if n := len(b.Items); n > 0 {
		b.Items = b.Items[:n-1] // it may be cut
	}
	return b, fmt.Errorf("%s: cut after record %d", name, b.Records)
}

func importSuite(d ids) crawlertest.ImportSuite {
	return crawlertest.ImportSuite{Importer: d, Fixtures: []crawlertest.ImportFixture{
		{
			Name: "two", Files: map[string][]byte{"a.ids": []byte("id 1;\nnothing\nid 2;\nend\n")},
			IDs: []string{"id 1;", "id 2;"}, Records: 3, Refused: map[string]int{"no id": 1}, Ends: true,
		},
		{Name: "secret", Files: map[string][]byte{"a.ids": []byte("id 1;\nend\n"), "secret.txt": nil}, Closed: []string{"secret.txt"}},
		{Name: "none", Files: map[string][]byte{"a.txt": nil}, Nothing: true},
	}}
}

func TestGoodImporter(t *testing.T) { crawlertest.RunImport(t, importSuite(ids{})) }

// spoiltImporters are those that the suite must refuse, by what is wrong.
func spoiltImporters() map[string]ids {
	batch := func(f func(*crawler.Batch)) ids {
		return ids{spoil: func(b *crawler.Batch, _ *error) { f(b) }}
	}
	calls := int64(0)
	return map[string]ids{
		"greed":              {greed: true},
		"deaf":               {deaf: true},
		"cut and silent":     {spoil: func(_ *crawler.Batch, err *error) { *err = nil }},
		"error without name": {spoil: func(_ *crawler.Batch, err *error) { *err = errors.New("boom") }},
		"another file":       batch(func(b *crawler.Batch) { b.File = "b.ids" }),
		"too many records":   batch(func(b *crawler.Batch) { b.Records = crawler.MaxBatch + 1 }),
		"no records":         batch(func(b *crawler.Batch) { b.Records++ }),
		"not the same twice": batch(func(b *crawler.Batch) { calls++; b.Account.Name = fmt.Sprint(calls) }),
		"no reason":          batch(func(b *crawler.Batch) { b.Refused = append(b.Refused, crawler.Refusal{File: b.File, Record: 1}) }),
		"long reason": batch(func(b *crawler.Batch) {
			b.Refused = append(b.Refused, crawler.Refusal{File: b.File, Record: 1, Reason: "line 17: no id"})
		}),
		"type of nothing": batch(func(b *crawler.Batch) { b.KeptType = "text/plain" }),
		"account state":   batch(func(b *crawler.Batch) { b.Account.State = onrecord.AccountSuspended }),
		"own alias": batch(func(b *crawler.Batch) {
			eachItem(b, func(o *onrecord.Observation) { o.Aliases = []string{o.NativeID} })
		}),
		"local time": batch(func(b *crawler.Batch) {
			eachItem(b, func(o *onrecord.Observation) {
				o.Published, o.Precision = time.Unix(1, 0).In(time.FixedZone("", 60)), onrecord.PrecisionSecond
			})
		}),
	}
}

func eachItem(b *crawler.Batch, f func(*onrecord.Observation)) {
	for i := range b.Items {
		f(&b.Items[i])
	}
}

// TestSpoiltImporters runs the suite over each spoilt importer in a process of
// its own, where it must fail.
func TestSpoiltImporters(t *testing.T) {
	const variable = "CRAWLERTEST_SPOILT_IMPORTER"
	if name := os.Getenv(variable); name != "" {
		crawlertest.RunImport(t, importSuite(spoiltImporters()[name]))
		return
	}
	for name := range spoiltImporters() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSpoiltImporters$")
			cmd.Env = append(os.Environ(), variable+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL") || strings.Contains(string(out), "panic:") {
				t.Errorf("the suite takes it: %v\n%s", err, out)
			}
		})
	}
}
