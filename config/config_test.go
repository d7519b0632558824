// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"onrecord/config"
)

var update = flag.Bool("update", false, "write the golden files")

func options() config.Options {
	return config.Options{
		Kinds: []config.Kind{
			{Name: "feed"}, {Name: "page", Platforms: []string{"website"}},
			{Name: "preview", Platforms: []string{"telegram"}}, {Name: "api", Platforms: []string{"mastodon", "truthsocial"}},
		},
		Schedule: func(spec string) error {
			if !strings.HasPrefix(spec, "@") && len(strings.Fields(spec)) != 5 {
				return errors.New("not a schedule")
			}
			return nil
		},
	}
}

const full = `
archive:
  name: Archive Example
  operator: {name: Example e.V., email: desk@archive.example}
  url: http://127.0.0.1:8080/
storage: {url: file:data}
log: {origin: archive.example/log}
figures:
  - slug: jane-example
    name: Jane Example
    sources:
      - id: press
        platform: website
        account_id: jane.example
        schedule: "@every 5m"
        doors:
          - {kind: feed, url: https://jane.example/feed.xml}
          - {kind: feed, url: https://jane.example/other.xml, base_url: "http://127.0.0.1:9", original_url: "https://jane.example"}
          - {kind: page, start: https://jane.example/news, item: "article a", next: "a.next", title: h1, text: .entry-content, date: "time@datetime", remove: [.share, "#ad"], zone: Europe/Paris}
      - {id: telegram, platform: telegram, account: janeoffice, schedule: "*/10 * * * *", doors: [{kind: preview}]}
      - {id: tweets, platform: x, account: janeexample, account_id: 25073877}
  - {slug: ministry, name: Ministry of Examples}
`

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("/etc/onrecord/onrecord.yaml", []byte(text), options())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse(t *testing.T) {
	got := parse(t, full)
	want := &config.Config{
		Archive:  config.Archive{Name: "Archive Example", Operator: config.Operator{Name: "Example e.V.", Email: "desk@archive.example"}, URL: "http://127.0.0.1:8080"},
		Storage:  config.Storage{Store: config.Store{URL: "file:///etc/onrecord/data"}},
		StateDir: "/etc/onrecord/.onrecord", SpoolLimit: 2 << 30,
		Media: config.Media{Types: []string{"image", "video", "audio", "document"}, MaxImage: 20 << 20, MaxVideo: 500 << 20, MaxAudio: 200 << 20, MaxDocument: 50 << 20},
		Log:   config.Log{Origin: "archive.example/log"},
		HTTP:  config.HTTP{Listen: "127.0.0.1:8080"},
		Crawl: config.Crawl{
			Contact: "desk@archive.example", ConfirmAfter: 10 * time.Minute, OfflineAfter: time.Hour, MinInterval: time.Second,
			Jitter: 10, Concurrency: 32,
			Recheck: []time.Duration{15 * time.Minute, 35 * time.Minute, 2 * time.Hour, 24 * time.Hour, 168 * time.Hour, 720 * time.Hour},
			Sweep:   720 * time.Hour,
		},
		Figures: []config.Figure{
			{Slug: "jane-example", Name: "Jane Example", Sources: []config.Source{
				{ID: "press", Platform: "website", AccountID: "jane.example", Schedule: "@every 5m", Doors: []config.Door{
					{ID: "feed", Kind: "feed", URL: "https://jane.example/feed.xml"},
					{ID: "feed-2", Kind: "feed", URL: "https://jane.example/other.xml", BaseURL: "http://127.0.0.1:9", OriginalURL: "https://jane.example"},
					{
						ID: "page", Kind: "page", Start: "https://jane.example/news", Item: "article a", Next: "a.next", Title: "h1",
						Text: ".entry-content", Date: "time@datetime", Remove: []string{".share", "#ad"}, Zone: "Europe/Paris",
					},
				}},
				{ID: "telegram", Platform: "telegram", Account: "janeoffice", Schedule: "*/10 * * * *", Doors: []config.Door{{ID: "preview", Kind: "preview"}}},
				{ID: "tweets", Platform: "x", Account: "janeexample", AccountID: "25073877"},
			}},
			{Slug: "ministry", Name: "Ministry of Examples"},
		},
	}
	if diff := cmp.Diff(want, got, values); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if f, s, ok := got.Source("telegram"); !ok || f.Slug != "jane-example" || s.Account != "janeoffice" {
		t.Errorf("Source: %v %v %v", f.Slug, s.Account, ok)
	}
	if _, _, ok := got.Source("nobody"); ok {
		t.Error("Source finds what is not there")
	}
}

// values compares Configs by what they say, not by where it stands.
var values = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "file" || f.Name() == "at" || f.Name() == "Warnings")
}, cmp.Ignore())

// same is values, with networks.
func same() cmp.Options {
	return cmp.Options{values, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
}

// TestProblems reads testdata/problems.txtar: each file is a configuration; the
// lines of its comment "#! " are what is said of it.
func TestProblems(t *testing.T) {
	path := filepath.Join("testdata", "problems.txtar")
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range ar.Files {
		t.Run(f.Name, func(t *testing.T) {
			text, _, _ := strings.Cut(string(f.Data), "#! ")
			c, err := config.Parse("onrecord.yaml", []byte(text), options())
			var got strings.Builder
			if e, ok := errors.AsType[*config.Error](err); ok {
				for line := range strings.Lines(e.Error()) {
					got.WriteString("#! " + strings.TrimSuffix(line, "\n") + "\n")
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				for _, w := range c.Warnings {
					got.WriteString("#! warning: " + w.String() + "\n")
				}
			}
			if *update {
				ar.Files[i].Data = []byte(text + got.String())
				return
			}
			if got.Len() == 0 {
				t.Error("no problem")
			}
			if diff := cmp.Diff(string(f.Data), text+got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProblemAt reports what others find wrong, at its place.
func TestProblemAt(t *testing.T) {
	c := parse(t, full)
	for path, want := range map[string]string{
		"figures[0].sources[0].doors[2].item":      "/etc/onrecord/onrecord.yaml:19:66: figures[0].sources[0].doors[2].item: no selector",
		"figures[0].sources[1].account_id":         "/etc/onrecord/onrecord.yaml:20:9: figures[0].sources[1].account_id: no selector",
		"crawl.contact":                            "/etc/onrecord/onrecord.yaml: crawl.contact: no selector",
		"figures[0].sources[0].doors[2].remove[1]": "/etc/onrecord/onrecord.yaml:19:168: figures[0].sources[0].doors[2].remove[1]: no selector",
	} {
		if got := c.Problem(path, "no %s", "selector").String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestPrint(t *testing.T) {
	c := parse(t, full)
	text := c.Print()
	path := filepath.Join("testdata", "print.yaml")
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(c, parse(t, string(text)), same()); diff != "" {
		t.Errorf("printed and parsed:\n%s", diff)
	}
}

func TestTemplate(t *testing.T) {
	for name, c := range map[string]config.Config{
		"init.yaml": {},
		"filled.yaml": {
			Archive:  config.Archive{Name: "Archive: \"Example\" #1", Operator: config.Operator{Name: "yes", Email: "desk@archive.example"}, URL: "https://archive.example"},
			Storage:  config.Storage{Store: config.Store{URL: "file:///srv/archive"}},
			StateDir: "/srv/state", SpoolLimit: 100 << 20,
			Media: config.Media{Types: []string{"image", "video", "audio", "document"}, MaxImage: 20 << 20, MaxVideo: 500 << 20, MaxAudio: 200 << 20, MaxDocument: 50 << 20},
			Log:   config.Log{Origin: "archive.example/2026"},
			HTTP:  config.HTTP{Listen: "[::1]:9000"},
			Crawl: config.Crawl{
				Contact: "https://archive.example/about", ConfirmAfter: time.Second, OfflineAfter: 90 * time.Minute, MinInterval: 50 * time.Millisecond, Jitter: 25, Concurrency: 8,
				Recheck: []time.Duration{time.Minute, time.Hour}, Sweep: 48 * time.Hour,
				AllowAddresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
			},
			Figures: parse(t, full).Figures,
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := config.Template(c)
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(text)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			got := parse(t, string(text))
			if name == "filled.yaml" {
				if diff := cmp.Diff(&c, got, same()); diff != "" {
					t.Errorf("parsed:\n%s", diff)
				}
				return
			}
			// The example is right, too: take the sign of the comment away.
			_, example, _ := strings.Cut(string(text), "#\n# figures:")
			example = strings.ReplaceAll("figures:"+strings.TrimSuffix(example, "figures: []\n"), "\n# ", "\n")
			head, _, _ := strings.Cut(string(text), "#\n# figures:")
			if got := parse(t, head+example); len(got.Figures) != 1 || len(got.Figures[0].Sources) != 2 {
				t.Errorf("example gives %+v", got.Figures)
			}
		})
	}
}

// TestNull leaves a key without a value: that is as good as no key.
func TestNull(t *testing.T) {
	text := full + "state_dir:\nhttp: {listen: }\ncrawl: {contact: , confirm_after: ~, offline_after: null, min_interval: , allow_addresses: }\n"
	if diff := cmp.Diff(parse(t, full), parse(t, text), same()); diff != "" {
		t.Error(diff)
	}
}

// TestDeep is refused before the parser, which is recursive, sees it.
func TestDeep(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": strings.Repeat("[", 100_000), "braces": strings.Repeat("{a: ", 10_000),
		"dashes": strings.Repeat("- ", 100_000), "questions": strings.Repeat("? ", 10_000), "large": strings.Repeat("# a\n", 1<<19),
	} {
		if _, err := config.Parse("a.yaml", []byte(text), options()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "onrecord.yaml")
	if _, err := config.Load(path, options()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
	if err := os.WriteFile(path, []byte(full), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, options())
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(path), ".onrecord"); c.StateDir != want {
		t.Errorf("state_dir %q, want %q", c.StateDir, want)
	}
}

// FuzzParse: no panic, each problem in the file, and what is accepted prints
// and parses to itself.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add(config.Template(config.Config{}))
	f.Add([]byte("a: &a [*a, {<<: *a}]\n? b\n--- !!x\n"))
	f.Add([]byte("archive: {name: |\n  a\n  b\n, operator: }"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("/etc/onrecord.yaml", data, options())
		if err != nil {
			e, ok := errors.AsType[*config.Error](err)
			if !ok || len(e.Problems) == 0 {
				t.Fatalf("err = %v", err)
			}
			return
		}
		again, err := config.Parse("/etc/onrecord.yaml", c.Print(), options())
		if err != nil {
			t.Fatalf("%v of\n%s", err, c.Print())
		}
		if diff := cmp.Diff(c, again, same()); diff != "" {
			t.Fatalf("%s of\n%s", diff, c.Print())
		}
	})
}

// FuzzPrint: any text is printed such that it is read as the same text.
func FuzzPrint(f *testing.F) {
	for _, s := range []string{
		"Jane Example", "yes", "~", "12", "1e3", "0x1f", "1:30", "2026-11-22", "a: b", "a #b", "- a", "@x", "*a", "&a", "!a", "|", ">", "%", "`", "'", "\"", "\\", "a\nb", "\ta", " a ", "é\u0085\u2028", "\x7f\x00\x1b", "😀", "null", ".inf", "=", "<<", "{a}", "[a]", "a:", "http://a:1/b?c=d&e", "---", "...", "?", "? a",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || s == "" {
			return
		}
		c := parse(t, full)
		c.Archive.Name = s
		c.Figures[0].Name = s
		d := &c.Figures[0].Sources[0].Doors[2]
		d.Item, d.Text, d.Remove = s, s, []string{s, "x", s}
		for _, text := range [][]byte{c.Print(), config.Template(*c)} {
			got, err := config.Parse("/etc/onrecord/onrecord.yaml", text, options())
			if err != nil {
				t.Fatalf("%v of\n%s", err, text)
			}
			if diff := cmp.Diff(c, got, same()); diff != "" {
				t.Fatalf("%s of\n%s", diff, text)
			}
		}
	})
}
