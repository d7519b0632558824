// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/crawler"
	"onrecord/ingest"
	"onrecord/internal/repotest"
)

// invented reads files of which each line is a statement, its name and its text;
// a line without a text is refused, one that ends in " gone" reports a deletion.
type invented struct {
	kept      bool      // each batch is its own evidence
	published time.Time // when all was said
	last      time.Time // when "later" was; zero for published
}

func (invented) Info() crawler.Info { return crawler.Info{Kind: "invented", Parser: "invented/1"} }

func (invented) Files(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "*.txt")
	if err != nil || len(names) > 0 {
		return names, err
	}
	return fs.Glob(fsys, "*/*.txt")
}

func (d invented) Import(_ context.Context, fsys fs.FS, _ crawler.Target) iter.Seq2[crawler.Batch, error] {
	return func(yield func(crawler.Batch, error) bool) {
		names, _ := d.Files(fsys)
		for _, name := range names {
			text, err := fs.ReadFile(fsys, name)
			if err != nil {
				yield(crawler.Batch{}, err)
				return
			}
			b := crawler.Batch{File: name}
			for n, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
				id, said, ok := strings.Cut(line, " ")
				b.Records++
				if !ok {
					b.Refused = append(b.Refused, crawler.Refusal{File: name, Line: int64(n + 1), ID: id, Reason: "no text"})
					continue
				}
				o := onrecord.Observation{Ref: onrecord.Ref{NativeID: "https://a.example/" + id}, Content: onrecord.Content{Type: "article"}, Published: d.published}
				if o.Content.Text, ok = strings.CutSuffix(said, " gone"); ok {
					o.State = onrecord.ItemGone
				}
				if strings.HasSuffix(said, " later.") && !d.last.IsZero() {
					o.Published = d.last
				}
				if o.Content.Text == "" {
					o.Content = onrecord.Content{}
				}
				b.Items = append(b.Items, o)
				if d.kept {
					b.Kept, b.KeptType = append(b.Kept, o.Content.Text...), "text/plain"
				}
				if len(b.Items) == 100 {
					if !yield(b, nil) {
						return
					}
					b = crawler.Batch{File: name}
				}
			}
			if b.Records > 0 && !yield(b, nil) {
				return
			}
		}
	}
}

// lines returns a file of n statements, from the given number on.
func lines(from, n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d What was said the %d. time.\n", from+i, from+i)
	}
	return b.Bytes()
}

// dump imports files and fails the test where that fails.
func dump(t *testing.T, in *ingest.Ingester, files fs.FS, o ingest.ImportOptions) ingest.ImportReport {
	t.Helper()
	rep, err := in.Import(t.Context(), in.Sources[0], invented{}, files, o)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// created counts the events that begin each statement, in the whole record.
func created(t *testing.T, h *house) (n map[onrecord.StatementID]int, imported int) {
	t.Helper()
	n = make(map[onrecord.StatementID]int)
	for e, err := range h.archive.Walk(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event.Type == onrecord.StatementCreated {
			n[e.Event.Statement]++
		}
		if e.Event.Provenance == onrecord.Imported {
			imported++
		}
		if e.Event.Prev >= e.Index {
			t.Errorf("no. %d says that no. %d was before it", e.Index, e.Event.Prev)
		}
	}
	return n, imported
}

// A dump in which each statement stands three times, far apart and close
// together, in two wordings: each is created once, both wordings are kept, and
// the files are evidence once.
func TestImportOfRepetitions(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	_, _, srv, _, h, in := press(t)
	defer srv.Close()
	text := append(lines(0, 9000), lines(0, 9000)...)
	text = append(text, "7 Said otherwise.\n7 Said otherwise.\n8 Once gone\nrefused\n"...)
	rep := dump(t, in, fstest.MapFS{"a.txt": {Data: text}}, ingest.ImportOptions{})
	if rep.Records != 18_004 || rep.Created != 9000 || rep.Known != 9001 || rep.Readings != 2 || rep.Deleted != 1 || rep.Refused != 1 || rep.Visits != 3 {
		t.Errorf("%+v", rep)
	}
	n, _ := created(t, h)
	if len(n) != 9000 || statements(t, h) != 9000 {
		t.Errorf("%d statements begin, %d are known", len(n), statements(t, h))
	}
	for id, times := range n {
		if times != 1 {
			t.Errorf("%s begins %d times", id, times)
		}
	}
	again := dump(t, in, fstest.MapFS{"b.txt": {Data: append(lines(0, 9000), '\n')}}, ingest.ImportOptions{})
	if again.Events != 0 || again.Visits != 0 || again.Already {
		t.Errorf("the same statements in another file: %+v", again)
	}
	if rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 || rep.Objects != 1 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// An import that is asked to stop commits what it has read, and the next one
// goes on there and refers to the same capture.
func TestImportGoesOn(t *testing.T) {
	t.Parallel()
	_, _, srv, _, h, in := press(t)
	defer srv.Close()
	files := fstest.MapFS{"a.txt": {Data: append([]byte("bad\n"), lines(0, 900)...)}, "b.txt": {Data: lines(900, 900)}}
	soft := make(chan struct{})
	var once sync.Once
	var refused int
	o := ingest.ImportOptions{
		Soft: soft, Refused: func(crawler.Refusal) { refused++ },
		Progress: func(r ingest.ImportReport) {
			if r.Records > 400 && r.Records < 600 {
				once.Do(func() { close(soft) })
			}
		},
	}
	first := dump(t, in, files, o)
	if !first.Stopped || first.Created != first.Records-1 || first.Records > 600 {
		t.Fatalf("%+v", first)
	}
	rest := dump(t, in, files, ingest.ImportOptions{Refused: o.Refused})
	if rest.Stopped || rest.Resumed != first.Records || rest.Created != 1800-first.Created || rest.Refused != 1 || refused != 2 {
		t.Errorf("%+v after %+v, %d refused", rest, first, refused)
	}
	if n, _ := created(t, h); len(n) != 1800 {
		t.Errorf("%d statements", len(n))
	}
	if rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 || rep.Records != 4 { // two warcinfo, two files
		t.Errorf("%+v, %v", rep, err)
	}
	if rep := dump(t, in, files, ingest.ImportOptions{}); !rep.Already {
		t.Errorf("%+v", rep)
	}
}

// What was seen first-hand stays as it was seen; what a dump had first and is
// seen later is one statement, captured. An import is no visit to the platform.
func TestImportBesideVisits(t *testing.T) {
	t.Parallel()
	clock, _, srv, body, h, in := press(t, "1")
	defer srv.Close()
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	before, err := h.archive.State(t.Context(), "press")
	if err != nil {
		t.Fatal(err)
	}
	source, err := h.catalog.KnownSource(t.Context(), "press")
	if err != nil {
		t.Fatal(err)
	}
	clock.to(clock.now().Add(time.Hour))
	rep := dump(t, in, fstest.MapFS{"a.txt": {Data: []byte("1 As they have it. gone\n2 Only theirs.\n3 Theirs first.\n")}}, ingest.ImportOptions{Dated: start().now().AddDate(-1, 0, 0)})
	if rep.Created != 2 || rep.Readings != 1 || rep.Deleted != 1 {
		t.Errorf("%+v", rep)
	}
	after, err := h.archive.State(t.Context(), "press")
	if err != nil {
		t.Fatal(err)
	}
	if !after.LastTick.Equal(before.LastTick) || !after.LastGood.Equal(before.LastGood) || after.Doors["feed"].Cursor != before.Doors["feed"].Cursor || after.Import == nil || !after.Import.Done {
		t.Errorf("the state of the source was %+v, is %+v", before, after)
	}
	if now, err := h.catalog.KnownSource(t.Context(), "press"); err != nil || !now.LastGood.Equal(source.LastGood) || len(now.Gaps) != len(source.Gaps) {
		t.Errorf("what is known of the source was %+v, is %+v, %v", source, now, err)
	}
	feed := rss("1", "3")
	body.Store(&feed)
	clock.to(clock.now().Add(time.Hour))
	if _, err := visitOf(in, t.Context(), in.Sources[0]); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]onrecord.Provenance{"1": onrecord.Captured, "2": onrecord.Imported, "3": onrecord.Captured} {
		st, err := h.catalog.Statement(t.Context(), onrecord.NewStatementID("website", "https://a.example/"+id))
		if err != nil || st.Provenance != want || st.State != onrecord.StateLive {
			t.Errorf("statement %s is %s, %s: %v", id, st.State, st.Provenance, err)
		}
		if id == "1" && strings.Contains(st.Content.Text, "they have") {
			t.Errorf("statement 1 reads %q", st.Content.Text)
		}
	}
	if statements(t, h) != 3 {
		t.Errorf("%d statements, want 3", statements(t, h))
	}
}

// Another machine commits a visit of the source while an import has one open:
// the import goes on from what is committed, and nothing stands twice.
func TestImportIsOvertaken(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	clock, _, srv, body, h, in := press(t, "1")
	defer srv.Close()
	times := 0
	rep, err := in.Import(t.Context(), in.Sources[0], invented{kept: true}, fstest.MapFS{"a.txt": {Data: lines(0, 6000)}}, ingest.ImportOptions{
		Progress: func(r ingest.ImportReport) {
			if r.Records != 1000 && r.Records != 5000 || times == 2 {
				return
			}
			times++
			feed := rss(fmt.Sprint(times), "7")
			body.Store(&feed)
			clock.to(clock.now().Add(time.Hour))
			if v, err := visitOf(in, t.Context(), in.Sources[0]); err != nil || v.Failed() {
				t.Errorf("the visit: %+v, %v", v, err)
			}
		},
	})
	if err != nil || times != 2 {
		t.Fatalf("%d visits, %v", times, err)
	}
	n, imported := created(t, h)
	if len(n) != 6000 || statements(t, h) != 6000 || int64(imported) != rep.Events || rep.Items != 6000 {
		t.Errorf("%d statements begin, %d are known, %d imported events, %+v", len(n), statements(t, h), imported, rep)
	}
	if rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// A child is the program in a process of its own.
func child(t testing.TB, args ...string) (*exec.Cmd, *syncedLog) {
	t.Helper()
	out := &syncedLog{}
	cmd := exec.Command("onrecord", args...)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// posts writes a dump of n invented posts.
func posts(t testing.TB, path string, n int) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("[\n")
	for i := range n {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `{"id_str":"%d","text":"Post no. %d, on the %d. bridge of the harbour, &amp; what follows.","created_at":"%s","retweet_count":%d,"favorite_count":%d,"is_retweet":false}`,
			2_000_000_000_000_000_000+int64(i)<<22, i, i%97, start().now().Add(time.Duration(i-n)*time.Minute).Format(time.RubyDate), i%50, i%70)
	}
	b.WriteString("\n]\n")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tweets returns an archive with a source for posts on X, and a dump of n.
func tweets(t *testing.T, n int) (config, path string, w *world) {
	t.Helper()
	w = newWorld(t, &movedClock{t: time.Now()})
	h := w.open(t, "      - {id: tweets, platform: x, account: janeexample, account_id: \"77\"}\n")
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "dump.json")
	posts(t, path, n)
	if err := os.WriteFile(w.at.config, w.cfg.Print(), 0o644); err != nil {
		t.Fatal(err)
	}
	return w.at.config, path, w
}

// An import is killed three times, wherever it is: the spool that it leaves is
// dropped, the next one goes on, and in the end each statement stands once.
func TestImportIsKilled(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	config, path, w := tweets(t, 20_000)
	state := filepath.Join(strings.TrimPrefix(w.cfg.Storage.URL, "file://"), "state", "tweets.json")
	next := int64(0)
	for range 3 {
		cmd, out := child(t, "-c", config, "import", "twitter", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for killed := false; !killed; {
			select {
			case err := <-ended:
				t.Fatalf("it ended before it was killed: %v\n%s", err, out)
			case <-time.After(time.Millisecond):
			}
			if n := importedUpTo(state); n > next {
				next, killed = n, true
				_ = cmd.Process.Kill()
				<-ended
			}
		}
	}
	cmd, out := child(t, "-c", config, "import", "twitter", path)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "went on after record") {
		t.Errorf("it says nothing of where it went on:\n%s", out)
	}
	h := w.reopen(t)
	n, _ := created(t, h)
	if len(n) != 20_000 || statements(t, h) != 20_000 {
		t.Errorf("%d statements begin, %d are known", len(n), statements(t, h))
	}
	for id, times := range n {
		if times != 1 {
			t.Errorf("%s begins %d times", id, times)
		}
	}
	if rep, err := h.archive.Verify(t.Context(), archive.VerifyOptions{}); err != nil || len(rep.Findings) > 0 {
		t.Errorf("%+v, %v", rep, err)
	}
}

// importedUpTo returns how far a state says that an import is.
func importedUpTo(path string) int64 {
	b, err := os.ReadFile(path)
	var st struct{ Import struct{ Next int64 } }
	if err != nil || json.Unmarshal(b, &st) != nil {
		return 0
	}
	return st.Import.Next
}

// While somebody else visits the source, an import waits, and says so.
func TestImportWaitsForTheSource(t *testing.T) {
	t.Parallel()
	config, path, w := tweets(t, 10)
	l, err := newLocks(w.cfg.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := l.take("source", "tweets")
	if err != nil {
		t.Fatal(err)
	}
	cmd, out := child(t, "-c", config, "import", "twitter", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	eventually(t, patience, func() string {
		select {
		case err := <-ended:
			t.Fatalf("it did not wait: %v\n%s", err, out)
		default:
		}
		if !strings.Contains(out.String(), "source tweets is held by process") {
			return "it does not say that it waits: " + out.String()
		}
		return ""
	})
	unlock()
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Files that are not what they were when they were looked at are not taken.
func TestImportOfAFileThatChanges(t *testing.T) {
	t.Parallel()
	_, _, srv, _, h, in := press(t)
	defer srv.Close()
	files := fstest.MapFS{"a.txt": {Data: lines(0, 10)}}
	changing := growing{files}
	if _, err := in.Import(t.Context(), in.Sources[0], invented{}, &changing, ingest.ImportOptions{}); err == nil || !errors.Is(err, ingest.ErrChanged) {
		t.Errorf("%v", err)
	}
	if n := statements(t, h); n != 0 {
		t.Errorf("%d statements", n)
	}
	if _, err := in.Import(t.Context(), in.Sources[0], invented{}, fstest.MapFS{}, ingest.ImportOptions{}); !errors.Is(err, ingest.ErrImport) {
		t.Errorf("nothing to import: %v", err)
	}
}

// growing files have one line more each time that they are opened.
type growing struct{ fstest.MapFS }

func (g *growing) Open(name string) (fs.File, error) {
	if f := g.MapFS[name]; f != nil {
		f.Data = append(f.Data, "99 More.\n"...)
	}
	return g.MapFS.Open(name)
}
