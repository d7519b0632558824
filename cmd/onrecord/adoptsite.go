// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"onrecord/archive"
	"onrecord/archive/bucket/mirror"
	"onrecord/crawler"
)

// isSite reports whether an address is that of a website.
func isSite(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// storeFor finds out where what a website shows is copied to.
func (a *adopting) storeFor(dir string) error {
	if a.store.URL = a.f.storage; a.store.URL != "" {
		return nil
	}
	folder, err := filepath.Abs(filepath.Join(dir, "bucket"))
	if err != nil {
		return err
	}
	a.store.URL = (&url.URL{Scheme: "file", Path: filepath.ToSlash(folder)}).String()
	return os.MkdirAll(folder, 0o755)
}

// copyFrom copies an archive from its website, as a replica is filled: again
// after an interruption, it goes on.
func (a *adopting) copyFrom(ctx context.Context, site string) error {
	var networks []netip.Prefix
	for _, s := range a.f.allow {
		n, err := netip.ParsePrefix(s)
		if err != nil {
			return usagef("--allow-address %s: %v", s, err)
		}
		networks = append(networks, n)
	}
	o := archive.Options{Now: a.e.now, Log: a.e.logger()}
	if a.f.key != "" {
		v, err := note.NewVerifier(a.f.key)
		if err != nil {
			return badKey(err)
		}
		o.Verifier = v
	}
	m, err := mirror.Open(site, mirror.Options{
		Client: &http.Client{Transport: crawler.NewTransport(networks)}, UserAgent: "onrecord/" + version(),
		Final: func(err error) bool { return errors.Is(err, crawler.ErrRefused) },
	})
	if err != nil {
		return usagef("%v", err)
	}
	old, err := archive.OpenReplica(ctx, m, o)
	if errors.Is(err, archive.ErrReplica) { // it shows its head, too
		old, err = archive.Open(ctx, m, o)
	}
	if err != nil {
		return fmt.Errorf("archive at %s: %w", site, err)
	}
	bar := a.e.progress("copying from " + site)
	done, err := old.Replica(a.b).Replicate(ctx, archive.ReplicateOptions{Workers: 8, Progress: bar.set})
	bar.done()
	if errors.Is(err, archive.ErrReplica) {
		return nil // an adoption that was interrupted: told by what comes next, if it is none
	}
	if err != nil {
		return fmt.Errorf("archive at %s: %w", site, err)
	}
	for _, f := range done.Here {
		a.e.say("not copied: %s", findingLine(f))
	}
	a.e.say("%s answers: %s copied, %s. Stop that archive: two that go on from one ledger are two histories", site, count(int(done.Objects), "object", "objects"), bytesOf(done.Bytes))
	return nil
}
