// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"onrecord/web"
)

// demoPace is how long a beat of the story takes: eight of them are a minute.
const demoPace = 7500 * time.Millisecond

func newDemo(e *env) *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play a story on invented platforms, and show what the archive makes of it",
		Long: `Plays a story of about a minute: invented people say things on invented platforms
on this machine, change and delete them, are suspended, vanish. The real crawlers
visit those platforms, the real archive keeps what they see, and the website shows
it, while days pass by a clock of its own. Then it stands still until somebody
plays it again. Nothing outside this machine is asked.

With --dir the last archive is kept there, so that search, show and verify can be
tried on it:
  onrecord demo --dir demo
  onrecord -c demo/onrecord.yaml search tariff`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), e, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`ADDRESS` to listen on")
	fl.StringVar(&f.dir, "dir", "", "`FOLDER` for the archive, made anew each time the story is played (default: a temporary one)")
	fl.DurationVar(&f.pace, "pace", demoPace, "how long each of the eight steps takes")
	fl.BoolVar(&f.once, "once", false, "play it once without a website, then end")
	return cmd
}

// A demoFlags holds the flags of `demo`.
type demoFlags struct {
	listen, dir string
	pace        time.Duration
	once        bool
}

// demoMark is the file that says that a folder is one of a demonstration, and
// may be emptied by the next.
const demoMark = "DEMONSTRATION"

// A demonstration plays its story again and again, each time in a new archive.
type demonstration struct {
	env   *env
	flags demoFlags
	dir   string
	site  string

	play  demoPlay
	pages switched
	again chan struct{}

	mu    sync.Mutex
	world *demoWorld // guarded by mu
}

func runDemo(ctx context.Context, e *env, f demoFlags) error {
	d := &demonstration{env: e, flags: f, again: make(chan struct{}, 1)}
	if err := d.folder(); err != nil {
		return err
	}
	if f.dir == "" {
		defer os.RemoveAll(d.dir)
	}
	if f.once {
		d.site = "http://" + f.listen
		defer d.close()
		return d.once(ctx)
	}
	ln, err := net.Listen("tcp", f.listen)
	if err != nil {
		return listenFailure(err)
	}
	d.site = "http://" + ln.Addr().String()
	ctx, stop := context.WithCancel(ctx)
	soft, end := context.WithCancel(e.stop.soft)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		defer end()
		err = errors.Join(d.run(ctx, soft), d.close())
	})
	e.say("the demonstration is at %s/demo; Ctrl-C ends it", d.site)
	serr := web.Serve(soft, ln, &d.pages)
	stop()
	wg.Wait()
	return errors.Join(serr, err)
}

// demoParts are what a demonstration makes in its folder, and removes from it.
func demoParts() []string { return []string{demoMark, "onrecord.yaml", "bucket", ".onrecord"} }

// folder makes the folder of the archives. What somebody else has put there is
// left alone.
func (d *demonstration) folder() (err error) {
	if d.flags.dir == "" {
		d.dir, err = os.MkdirTemp("", "onrecord-demo-")
		return err
	}
	if d.dir, err = filepath.Abs(d.flags.dir); err != nil {
		return err
	}
	list, err := os.ReadDir(d.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ours := len(list) == 0
	for _, f := range list {
		ours = ours || f.Name() == demoMark
	}
	for _, f := range list {
		if !ours || !slices.Contains(demoParts(), f.Name()) {
			return &failure{status: exitFailed, hint: "--dir takes a folder that is empty or not there, or that of a demonstration before", err: fmt.Errorf("%s holds %s, which no demonstration made", d.dir, f.Name())}
		}
	}
	return nil
}

// empty removes what the last play left.
func (d *demonstration) empty() error {
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	for _, name := range demoParts() {
		if err := os.RemoveAll(filepath.Join(d.dir, name)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(d.dir, demoMark), []byte("This folder is made anew by \"onrecord demo --dir\".\n"), 0o644)
}

// isDemo reports whether the archive of a configuration is that of a
// demonstration.
func isDemo(configPath string) bool {
	_, err := os.Stat(filepath.Join(filepath.Dir(configPath), demoMark))
	return err == nil
}

// run plays the story, and again whenever somebody asks for it, until soft or
// ctx ends. What went wrong ends it.
func (d *demonstration) run(ctx, soft context.Context) error {
	for {
		if err := d.once(ctx); err != nil && ctx.Err() == nil && soft.Err() == nil {
			return err
		}
		select {
		case <-d.again:
		case <-soft.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// once plays the story in a new archive.
func (d *demonstration) once(ctx context.Context) error {
	d.pages.set(nil)
	if err := errors.Join(d.close(), d.empty()); err != nil {
		return err
	}
	w, err := openDemo(ctx, d.env, d.dir, d.site, &web.Demo{Again: d.where, Story: d.play.story, Play: d.ask})
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.world = w
	d.mu.Unlock()
	d.play.begin(w)
	defer d.play.end()
	banner := new(atomic.Pointer[string])
	pages, err := w.house.website(w.ingester, banner)
	if err != nil {
		return err
	}
	d.pages.set(pages)
	w.follow(banner)
	began := time.Now()
	err = d.play.play(ctx, w, d.flags.pace, func(b demoBeat) {
		d.env.say("%s  %s", b.at.Format("2 Jan 15:04"), b.title)
	})
	if err == nil {
		d.env.say("the story is over after %.0f s; %s", time.Since(began).Seconds(), d.lookAt())
	}
	return err
}

// lookAt says where the archive can be looked at.
func (d *demonstration) lookAt() string {
	if d.flags.dir == "" {
		return "time stands still"
	}
	return "try: onrecord -c " + filepath.Join(d.flags.dir, "onrecord.yaml") + " search tariff"
}

// where is the page on which the story can be played again.
func (d *demonstration) where() string {
	if d.play.story().Playing {
		return ""
	}
	return "/demo"
}

// ask asks for the story to be played again, once it is over.
func (d *demonstration) ask() {
	if d.play.story().Playing {
		return
	}
	select {
	case d.again <- struct{}{}:
	default:
	}
}

// close closes the world that was played last.
func (d *demonstration) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.world == nil {
		return nil
	}
	w := d.world
	d.world = nil
	return w.close()
}
