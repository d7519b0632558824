// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"

	"onrecord"
	"onrecord/web"
)

// keptPackages is how many packages of statements are kept in memory, at most
// 16 MiB of captures each: a replay tool asks for one piece by piece, and all
// pieces must be of the same file.
const keptPackages = 4

// packages makes the packages that the website offers: one at a time, and again
// only where something about the statement has changed.
type packages struct {
	packer
	mu   sync.Mutex
	kept []keptPackage // guarded by mu; the last one used last
}

type keptPackage struct {
	id   onrecord.StatementID
	plan [32]byte
	web.Package
}

// Package implements web.Packages. What may be shown is read anew each time, so
// that a package that holds what was withheld since is not served again.
func (p *packages) Package(ctx context.Context, id onrecord.StatementID) (web.Package, error) {
	plan, err := p.plan(ctx, "", []onrecord.StatementID{id})
	if err != nil {
		return web.Package{}, forNow(err)
	}
	if len(plan.refs) == 0 {
		return web.Package{}, fmt.Errorf("no capture of it may be shown: %w", onrecord.ErrNotFound)
	}
	if n := len(plan.statements[0].captures); plan.bytes > web.MaxPackage {
		return web.Package{}, fmt.Errorf("%d captures have %d bytes: %w", n, plan.bytes, onrecord.ErrNotFound)
	}
	plan.title = packTitle(plan.statements[0].Statement)
	sum, err := plan.sum()
	if err != nil {
		return web.Package{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, k := range p.kept {
		if k.id == id && k.plan == sum {
			p.kept = append(append(p.kept[:i:i], p.kept[i+1:]...), k)
			return k.Package, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return web.Package{}, err // the reader left while others were served
	}
	var out bytes.Buffer
	if _, err := p.write(ctx, &out, plan, nil); err != nil {
		return web.Package{}, forNow(err)
	}
	k := keptPackage{id: id, plan: sum, Package: web.Package{Body: out.Bytes(), SHA256: sha256.Sum256(out.Bytes()), Created: plan.created}}
	p.keep(k)
	return k.Package, nil
}

// keep takes k in place of an older package of the same statement, else of the
// one that was asked for longest ago.
func (p *packages) keep(k keptPackage) {
	list := make([]keptPackage, 0, keptPackages)
	for _, old := range p.kept {
		if old.id != k.id {
			list = append(list, old)
		}
	}
	if len(list) == keptPackages {
		list = list[1:]
	}
	p.kept = append(list, k)
}

// sum names what a package is made of, but for the state of the ledger as a
// whole: a statement's file stays the same while only others are recorded.
func (plan *packPlan) sum() ([32]byte, error) {
	s := plan.statements[0]
	b, err := json.Marshal(struct {
		Statement onrecord.Statement
		Versions  []onrecord.Version
		Captures  []onrecord.Evidence
		Events    []onrecord.Event
		Left      []leftOut
	}{s.Statement, s.versions, s.captures, s.events, plan.left})
	return sha256.Sum256(b), err
}
