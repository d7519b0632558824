// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"onrecord"
	"onrecord/crawler"
	"onrecord/ingest"
	"onrecord/internal/repotest"
)

// said returns everything that the record says of statements and captures.
func said(t *testing.T, h *house) string {
	t.Helper()
	var b strings.Builder
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(e.Event)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
		if e.Event.Statement == "" {
			continue
		}
		captures, err := h.catalog.Captures(t.Context(), e.Event.Statement)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range captures {
			fmt.Fprintf(&b, "%s\n", c.URL)
		}
	}
	state, err := h.archive.State(t.Context(), "press")
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return b.String() + string(line)
}

// The name of a file that is not published whole is not published either, and
// of no file the folder.
func TestImportNamesNoFile(t *testing.T) {
	t.Parallel()
	_, _, srv, _, h, in := press(t)
	defer srv.Close()
	mail := fstest.MapFS{"All mail of jdoe@mail.example.txt": {Data: lines(0, 3)}}
	if _, err := in.Import(t.Context(), in.Sources[0], invented{kept: true}, mail, ingest.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := said(t, h); strings.Contains(got, "jdoe") || !strings.Contains(got, "#1") {
		t.Errorf("the record says\n%s", got)
	}
	dump(t, in, fstest.MapFS{"of jdoe/a\u202e\u0007 b.txt": {Data: lines(3, 3)}}, ingest.ImportOptions{})
	if got := said(t, h); strings.Contains(got, "jdoe") || !strings.Contains(got, "/a%20b.txt") {
		t.Errorf("the record says\n%s", got)
	}
}

// An exchanged file has another content each time that it is opened, of the same
// size.
type exchanged struct {
	fstest.MapFS
	contents []string
}

func (x *exchanged) Open(name string) (fs.File, error) {
	if f := x.MapFS[name]; f != nil && len(x.contents) > 0 {
		f.Data, x.contents = []byte(x.contents[0]), x.contents[1:]
	}
	return x.MapFS.Open(name)
}

// Of a file that is exchanged between its digest and its reading nothing counts
// as imported: not under the digest of the one, not under that of the other.
func TestImportOfAnExchangedFile(t *testing.T) {
	t.Parallel()
	_, _, srv, _, h, in := press(t)
	defer srv.Close()
	files := exchanged{MapFS: fstest.MapFS{"a.txt": {}}, contents: []string{"1 What was said.\n", "1 What was SAID.\n"}}
	_, err := in.Import(t.Context(), in.Sources[0], invented{kept: true}, &files, ingest.ImportOptions{})
	if !errors.Is(err, ingest.ErrImport) || !strings.Contains(fmt.Sprint(err), "changed while it was read: run it again") {
		t.Errorf("%v", err)
	}
	st, err := h.archive.State(t.Context(), "press")
	if err != nil || st.Import != nil || statements(t, h) != 0 {
		t.Errorf("%+v, %d statements, %v", st.Import, statements(t, h), err)
	}
	rep, err := in.Import(t.Context(), in.Sources[0], invented{kept: true}, fstest.MapFS{"a.txt": {Data: []byte("1 What was said.\n")}}, ingest.ImportOptions{})
	if err != nil || rep.Already || rep.Created != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// A file that is replaced in the middle of its reading, after a visit is
// committed, leaves no progress: the next import begins at the beginning.
func TestImportOfAReplacedFile(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	_, _, srv, _, h, in := press(t)
	defer srv.Close()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	write := func(from int) {
		t.Helper()
		if err := os.WriteFile(path+".new", lines(from, 9000), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write(0)
	replaced := false
	o := ingest.ImportOptions{Progress: func(r ingest.ImportReport) {
		if !replaced && r.Visits == 1 {
			replaced = true
			write(0)
		}
	}}
	rep, err := in.Import(t.Context(), in.Sources[0], invented{kept: true}, os.DirFS(dir), o)
	if !errors.Is(err, ingest.ErrChanged) || rep.Visits == 0 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if st, err := h.archive.State(t.Context(), "press"); err != nil || st.Import != nil {
		t.Errorf("%+v, %v", st.Import, err)
	}
	if rep, err = in.Import(t.Context(), in.Sources[0], invented{kept: true}, os.DirFS(dir), ingest.ImportOptions{}); err != nil || rep.Resumed != 0 || rep.Records != 9000 {
		t.Errorf("%+v, %v", rep, err)
	}
	if n, _ := created(t, h); len(n) != 9000 {
		t.Errorf("%d statements", len(n))
	}
}

// A dump can't show what was published after its date. What the wrong date would
// have said of the batches before is not recorded, and another date mends it.
func TestImportWithAWrongDate(t *testing.T) {
	t.Parallel()
	clock, _, srv, _, h, in := press(t)
	defer srv.Close()
	published := clock.now().AddDate(-1, 0, 0)
	imp := invented{published: published.AddDate(-9, 0, 0), last: published}
	files := fstest.MapFS{"a.txt": {Data: append(lines(0, 300), "300 What was said later.\n"...)}}
	rep, err := in.Import(t.Context(), in.Sources[0], imp, files, ingest.ImportOptions{Dated: published.AddDate(-6, 0, 0)})
	if !errors.Is(err, ingest.ErrDated) || !errors.Is(err, ingest.ErrImport) {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"a.txt, records 301 to 301: https://a.example/300", published.UTC().Format(time.RFC3339), published.AddDate(-6, 0, 0).UTC().Format(time.RFC3339)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if n := statements(t, h); n != 0 || rep.Visits != 0 {
		t.Errorf("%d statements, %+v", n, rep)
	}
	dated := published.AddDate(0, 1, 0)
	if rep, err = in.Import(t.Context(), in.Sources[0], imp, files, ingest.ImportOptions{Dated: dated}); err != nil || rep.Created != 301 || !rep.Redated.IsZero() {
		t.Fatalf("%+v, %v", rep, err)
	}
	if rep, err = in.Import(t.Context(), in.Sources[0], imp, files, ingest.ImportOptions{Dated: dated}); err != nil || !rep.Already {
		t.Errorf("%+v, %v", rep, err)
	}
	earlier := dated.AddDate(0, 0, -1)
	rep, err = in.Import(t.Context(), in.Sources[0], imp, files, ingest.ImportOptions{Dated: earlier})
	if err != nil || rep.Already || rep.Resumed != 0 || !rep.Redated.Equal(dated) || rep.Created != 0 || rep.Records != 301 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// Who reports a deletion is the dump, not the source that it is imported into;
// of what it names without text, the time that it was published is the lower bound.
func TestImportedDeletion(t *testing.T) {
	t.Parallel()
	clock, _, srv, _, h, in := press(t)
	defer srv.Close()
	published := clock.now().AddDate(-1, 0, 0).UTC().Truncate(time.Second)
	files := fstest.MapFS{"a.txt": {Data: []byte("1 What was said. gone\n2  gone\n")}}
	_, err := in.Import(t.Context(), in.Sources[0], invented{published: published}, files, ingest.ImportOptions{Dated: published.AddDate(0, 1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2"} {
		st, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/"+id))
		want := "a dump, invented, dated " + published.AddDate(0, 1, 0).Format(time.DateOnly)
		if err != nil || st.Reported != want || !st.StateWindow.After.Equal(published) {
			t.Errorf("statement %s: reported by %q, want %q; %s, want it after %s; %v", id, st.Reported, want, st.StateWindow, published, err)
		}
	}
}

// What was refused is told once, though the import begins again where another
// machine was faster.
func TestImportIsOvertakenAndRefuses(t *testing.T) {
	t.Parallel()
	clock, _, srv, body, _, in := press(t, "1")
	defer srv.Close()
	told, times := 0, 0
	text := append(append([]byte("bad\n"), lines(0, 6000)...), "bad\n"...)
	rep, err := in.Import(t.Context(), in.Sources[0], invented{kept: true}, fstest.MapFS{"a.txt": {Data: text}}, ingest.ImportOptions{
		Refused: func(crawler.Refusal) { told++ },
		Progress: func(r ingest.ImportReport) {
			if r.Records < 5000 || times > 0 {
				return
			}
			times++
			feed := rss("1", "7")
			body.Store(&feed)
			clock.to(clock.now().Add(time.Hour))
			if v, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || v.Failed() {
				t.Errorf("the visit: %+v, %v", v, err)
			}
		},
	})
	if err != nil || times != 1 || told != 2 || rep.Refused != 2 {
		t.Errorf("%d visits, %d told, %+v, %v", times, told, rep, err)
	}
}
