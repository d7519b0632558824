// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/wacz"
	"onrecord/archive/warc"
	"onrecord/internal/repotest"
)

// An exporter runs commands on the archive of a demonstration.
type exporter struct {
	t   *testing.T
	dir string
}

// run runs the program, and returns what it printed.
func (x exporter) run(args ...string) (stdout string, err error) {
	var out, errs bytes.Buffer
	args = append([]string{"-c", filepath.Join(x.dir, "onrecord.yaml")}, args...)
	err = run(newStop(make(chan os.Signal), io.Discard), args, stdio{in: strings.NewReader(""), out: &out, err: &errs}, time.Now)
	return out.String() + errs.String(), err
}

// must is run of what must not fail.
func (x exporter) must(args ...string) string {
	x.t.Helper()
	out, err := x.run(args...)
	if err != nil {
		x.t.Fatalf("onrecord %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// pack exports into a new file, checks the package and returns its bytes.
func (x exporter) pack(name string, args ...string) []byte {
	x.t.Helper()
	path := filepath.Join(x.dir, name)
	x.must(append([]string{"export", "wacz", "-o", path}, args...)...)
	b, err := os.ReadFile(path)
	if err != nil {
		x.t.Fatal(err)
	}
	if sum, err := wacz.Check(bytes.NewReader(b), int64(len(b))); err != nil || sum.Indexed == 0 || sum.Pages == 0 {
		x.t.Fatalf("%s: %+v %v", name, sum, err)
	}
	return b
}

// found returns the ids that a search finds.
func (x exporter) found(args ...string) (ids []onrecord.StatementID) {
	x.t.Helper()
	var res struct{ Data []statementJSON }
	if err := json.Unmarshal([]byte(x.must(append([]string{"search", "--json", "--limit", "200"}, args...)...)), &res); err != nil {
		x.t.Fatal(err)
	}
	for _, s := range res.Data {
		ids = append(ids, s.ID)
	}
	return ids
}

// TestExport packs what a demonstration has recorded: the packages are whole,
// the same each time, hold the very bytes of the bucket, and nothing that is
// withheld or erased. Tools that were not written here read them, and the
// objects that they are made of.
func TestExport(t *testing.T) {
	repotest.Large(t)
	t.Parallel()
	x := exporter{t: t, dir: filepath.Join(t.TempDir(), "demo")}
	x.must("demo", "--once", "--pace", "1ms", "--dir", x.dir)
	all := x.pack("all.wacz", "--search", "")
	if again := x.pack("again.wacz", "--search", ""); !bytes.Equal(all, again) {
		t.Error("the same export gave other bytes")
	}
	tariff := string(onrecord.NewStatementID("mastodon", demoTariff))
	one := x.pack("one.wacz", tariff)
	x.proven(one)
	day := x.pack("day.wacz", "--day", "2026-09-07", "--figure", "jane-example", "--account", "mastodon/@jane@social.example")
	if want := len(x.found("since:2026-09-07 until:2026-09-08 figure:jane-example platform:mastodon")); want == 0 || len(proofsOf(t, day)) != want {
		t.Errorf("%d statements of the day, want %d", len(proofsOf(t, day)), want)
	}
	if n, want := len(proofsOf(t, all)), len(x.found("")); n != want {
		t.Errorf("%d statements, %d are found", n, want)
	}
	x.opens(all)
	x.outside(all, one)
	x.objects()
	x.refused(tariff)
	x.takenDown(onrecord.StatementID(tariff))
}

// proofsOf returns the proof files in a package.
func proofsOf(t *testing.T, b []byte) (list [][]byte) {
	t.Helper()
	for name, body := range unzipped(t, b) {
		if strings.HasPrefix(name, "onrecord/") && strings.HasSuffix(name, "proof.json") {
			list = append(list, body)
		}
	}
	return list
}

func unzipped(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// proven checks that what the proofs of a package cite is in it, to the byte,
// with the requests beside it.
func (x exporter) proven(b []byte) {
	x.t.Helper()
	files := unzipped(x.t, b)
	for _, proof := range proofsOf(x.t, b) {
		var f archive.ProofFile
		if err := json.Unmarshal(proof, &f); err != nil || len(f.Lines) == 0 {
			x.t.Fatalf("proof: %v", err)
		}
		for _, l := range f.Lines {
			e, err := onrecord.ParseEvent([]byte(l.Text))
			if err != nil {
				x.t.Fatal(err)
			}
			for _, ref := range e.Captures {
				object, err := os.ReadFile(filepath.Join(x.dir, "bucket", ref.Object))
				if err != nil {
					x.t.Fatal(err)
				}
				name := "archive/" + filepath.Base(ref.Object)
				if part := object[ref.Offset : ref.Offset+ref.Length]; fmt.Sprintf("%x", sha256.Sum256(part)) != ref.SHA256 || !bytes.Contains(files[name], part) {
					x.t.Errorf("%s does not hold the record at offset %d of %s", name, ref.Offset, ref.Object)
				}
			}
		}
	}
}

// opens checks that what a package opens for a statement, by address and second,
// shows it: not a picture of it, nor a page that says that it is gone.
func (x exporter) opens(b []byte) {
	x.t.Helper()
	files := unzipped(x.t, b)
	index, err := gzip.NewReader(bytes.NewReader(files["indexes/index.cdx.gz"]))
	if err != nil {
		x.t.Fatal(err)
	}
	rows := map[string]wacz.Row{}
	for s := bufio.NewScanner(index); s.Scan(); {
		var row wacz.Row
		words := strings.SplitN(s.Text(), " ", 3)
		if err := json.Unmarshal([]byte(words[2]), &row); err != nil {
			x.t.Fatal(err)
		}
		rows[row.URL+" "+words[1]] = row
	}
	list := bytes.Split(bytes.TrimSpace(files["pages/pages.jsonl"]), []byte("\n"))[1:]
	for _, line := range list {
		var p wacz.Page
		if err := json.Unmarshal(line, &p); err != nil {
			x.t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, p.TS)
		row, ok := rows[p.URL+" "+at.Format("20060102150405")]
		if err != nil || !ok {
			x.t.Errorf("%s of %s is not in the index: %v", p.URL, p.TS, err)
			continue
		}
		off, _ := strconv.ParseInt(row.Offset, 10, 64)
		for rec, err := range warc.Records(bytes.NewReader(files["archive/"+row.Filename][off:]), warc.ReaderOptions{}) {
			if err != nil {
				x.t.Fatal(err)
			}
			longest := slices.MaxFunc(append(regexp.MustCompile("[a-zA-Z]+").FindAllString(p.Text, -1), ""), func(a, b string) int { return len(a) - len(b) })
			if rec.Type() != "revisit" && !bytes.Contains(rec.Block, []byte(longest)) {
				x.t.Errorf("%s, captured %s, is opened for %q and does not show it", p.URL, p.TS, p.Title)
			}
			break
		}
	}
}

// outsider returns a program that was not written here; "" where it is not
// there and need not be.
func (x exporter) outsider(env, word string) string {
	x.t.Helper()
	program := os.Getenv(env)
	if program == "" && slices.Contains(strings.Split(os.Getenv("ONRECORD_REQUIRE"), ","), word) {
		x.t.Fatalf("%s is required: %s does not name it", word, env)
	}
	return program
}

// outside has py-wacz validate packages.
func (x exporter) outside(packages ...[]byte) {
	x.t.Helper()
	program := x.outsider("ONRECORD_WACZ", "pywacz")
	if program == "" {
		return
	}
	for _, b := range packages {
		path := filepath.Join(x.t.TempDir(), "package.wacz")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			x.t.Fatal(err)
		}
		if out, err := exec.CommandContext(x.t.Context(), program, "validate", "-f", path).CombinedOutput(); err != nil {
			x.t.Errorf("wacz validate: %v\n%s", err, out)
		}
	}
}

// warcs returns the WARC files of the bucket, media too.
func (x exporter) warcs() (list []string) {
	x.t.Helper()
	for _, folder := range []string{"captures", "media"} {
		err := filepath.WalkDir(filepath.Join(x.dir, "bucket", folder), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && !d.IsDir() && (strings.HasSuffix(path, ".warc") || strings.HasSuffix(path, ".warc.gz")) {
				list = append(list, path)
			}
			return err
		})
		if err != nil {
			x.t.Fatal(err)
		}
	}
	return list
}

// objects has warcio check every WARC of the bucket, and cdxj-indexer index
// them: it finds each record that the journal cites, where the journal says.
func (x exporter) objects() {
	x.t.Helper()
	x.checked()
	program := x.outsider("ONRECORD_CDXJ", "cdxj")
	if program == "" {
		return
	}
	args := []string{"--fields", "referrer", "--digest-records", "--records", "response,revisit,resource,metadata"}
	out, err := exec.CommandContext(x.t.Context(), program, append(args, x.warcs()...)...).Output()
	if err != nil {
		x.t.Fatalf("cdxj-indexer: %v", err)
	}
	rows := map[string]wacz.Row{}
	for line := range strings.Lines(string(out)) {
		_, body, _ := strings.Cut(line, " {")
		var row wacz.Row
		if err := json.Unmarshal([]byte("{"+body), &row); err != nil {
			x.t.Fatalf("%q: %v", line, err)
		}
		rows[row.Filename+" "+row.Offset] = row
	}
	cited := x.cited()
	if len(cited) < 20 {
		x.t.Errorf("only %d captures are cited", len(cited))
	}
	for _, ref := range cited {
		row, ok := rows[filepath.Base(ref.Object)+" "+strconv.FormatInt(ref.Offset, 10)]
		length, record := ref.Length, "sha256:"+ref.SHA256
		if strings.HasSuffix(ref.Object, ".warc") { // it leaves out the two line ends behind a record that is not compressed
			length, record = length-4, row.Record
		}
		if !ok || row.Length != strconv.FormatInt(length, 10) || row.Record != record || row.URL != ref.URL || ref.Status > 0 && row.Status != strconv.Itoa(ref.Status) {
			x.t.Errorf("the journal cites %+v, cdxj-indexer finds %+v", ref, row)
		}
	}
}

// checked has warcio check the WARCs of the bucket.
func (x exporter) checked() {
	x.t.Helper()
	program := x.outsider("ONRECORD_WARCIO", "warcio")
	if program == "" {
		return
	}
	out, err := exec.CommandContext(x.t.Context(), program, append([]string{"check", "-v"}, x.warcs()...)...).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("fail")) || !bytes.Contains(out, []byte("digest pass")) {
		x.t.Errorf("warcio check: %v\n%s", err, out)
	}
}

// cited returns what the journal cites.
func (x exporter) cited() (list []onrecord.CaptureRef) {
	x.t.Helper()
	e := &env{io: stdio{out: io.Discard, err: io.Discard}, now: time.Now, configPath: filepath.Join(x.dir, "onrecord.yaml")}
	h, err := e.open(x.t.Context(), recordOnly)
	if err != nil {
		x.t.Fatal(err)
	}
	defer h.close()
	for e, err := range h.archive.Walk(x.t.Context(), 0) {
		if err != nil {
			x.t.Fatal(err)
		}
		list = append(list, e.Event.Captures...)
	}
	return list
}

// refused says which exports are refused, with which status.
func (x exporter) refused(id string) {
	x.t.Helper()
	file := filepath.Join(x.dir, "new.wacz")
	for words, c := range map[string]struct {
		status int
		args   []string
	}{
		"is there already":       {exitUsage, []string{id, "-o", filepath.Join(x.dir, "one.wacz")}},
		"ends with .wacz":        {exitUsage, []string{id, "-o", "new.zip"}},
		"says where to write":    {exitUsage, []string{id}},
		"say what to pack":       {exitUsage, []string{"-o", file}},
		"stands alone: --day":    {exitUsage, []string{id, "--day", "2026-09-07", "-o", file}},
		"want a day":             {exitUsage, []string{"--day", "yesterday", "-o", file}},
		"no such figure":         {exitUsage, []string{"--day", "2026-09-07", "--figure", "nobody", "-o", file}},
		"no such account":        {exitUsage, []string{"--day", "2026-09-07", "--account", "x/nobody", "-o", file}},
		"want PLATFORM/ID":       {exitUsage, []string{"--day", "2026-09-07", "--account", "jane", "-o", file}},
		"no statement is found":  {exitFailed, []string{"--day", "1999-09-07", "-o", file}},
		"holds no statement":     {exitFailed, []string{"0000000000000000", "-o", file}},
		"no such file or direct": {exitFailed, []string{id, "-o", filepath.Join(x.dir, "nowhere", "new.wacz")}},
	} {
		_, err := x.run(append([]string{"export", "wacz"}, c.args...)...)
		if code, _ := status(err); err == nil || code != c.status || !strings.Contains(err.Error(), words) {
			x.t.Errorf("%v: status %d, %v; want %d and %q", c.args, code, err, c.status, words)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(x.dir, "*new*")); len(left) > 0 {
		x.t.Errorf("refused exports leave %v", left)
	}
}

// takenDown withholds a statement, then erases it: no package tells anything of
// it, and the objects are still WARC.
func (x exporter) takenDown(id onrecord.StatementID) {
	x.t.Helper()
	x.must("withhold", string(id), "--ground", "law", "--case", "T-2026-014", "--reason", "personal data")
	tell := func(name string, why string) {
		b := x.pack(name, "--search", "")
		files := unzipped(x.t, b)
		var notes packNotes
		if err := json.Unmarshal(files["onrecord/notes.json"], &notes); err != nil {
			x.t.Fatal(err)
		}
		if !slices.ContainsFunc(notes.LeftOut, func(l leftOut) bool { return strings.HasPrefix(l.Why, why) }) {
			x.t.Errorf("%s: the notes do not say that %q: %+v", name, why, notes.LeftOut)
		}
		for file, body := range files {
			if strings.Contains(file, string(id)) || bytes.Contains(body, []byte(id)) || bytes.Contains(body, []byte("50% tariff")) {
				x.t.Errorf("%s: %s tells of the statement", name, file)
			}
		}
		for file, body := range files {
			if !strings.HasPrefix(file, "archive/") {
				continue
			}
			for _, l := range notes.LeftOut {
				if object, err := os.ReadFile(filepath.Join(x.dir, "bucket", l.Object)); err != nil || filepath.Base(l.Object) == filepath.Base(file) && digestIn(object, l, body) {
					x.t.Errorf("%s: %s holds what is left out: %v", name, file, err)
				}
			}
		}
	}
	tell("withheld.wacz", leftWithheld)
	if _, err := x.run("export", "wacz", string(id), "-o", filepath.Join(x.dir, "it.wacz")); err == nil || !strings.Contains(err.Error(), "withheld") {
		x.t.Errorf("export of a withheld statement: %v", err)
	}
	x.must("erase", string(id), "--case", "T-2026-014", "--yes-erase", string(id))
	x.checked()
	x.outside(x.pack("erased.wacz", "--search", ""))
	if _, err := x.run("export", "wacz", string(id), "-o", filepath.Join(x.dir, "it.wacz")); err == nil {
		x.t.Error("an erased statement is packed")
	}
}

// digestIn reports whether body has the record that is left out.
func digestIn(object []byte, l leftOut, body []byte) bool {
	end := min(int64(len(object)), l.Offset+64)
	return bytes.Contains(body, object[l.Offset:end])
}
