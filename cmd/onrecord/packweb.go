// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"onrecord"
	"onrecord/internal/flight"
	"onrecord/web"
)

// keptPackages is how many packages of statements are kept in memory, at most
// 16 MiB of captures each: a replay tool asks for one piece by piece, and all
// pieces must be of the same file.
const keptPackages = 4

// These bound what is made for strangers: plans read the catalog, packages the
// bucket. What would wait behind more is refused for now.
const (
	plansAtOnce, plansWaiting       = 2, 16
	packagesAtOnce, packagesWaiting = 1, 4
)

// packages makes the packages that the website offers: one at a time, once for all
// who ask meanwhile, and again only where something about the statement has
// changed.
type packages struct {
	packer
	plans *flight.Group[onrecord.StatementID, plannedPackage]
	made  *flight.Group[packageName, web.Package]

	mu   sync.Mutex
	kept []keptPackage // guarded by mu; the last one used last
}

// newPackages returns what makes packages with p.
func newPackages(p packer) *packages {
	return &packages{
		packer: p,
		plans:  flight.New[onrecord.StatementID, plannedPackage](plansAtOnce, plansWaiting),
		made:   flight.New[packageName, web.Package](packagesAtOnce, packagesWaiting),
	}
}

// A packageName names a package by its statement and the sum of its plan.
type packageName struct {
	id   onrecord.StatementID
	plan [32]byte
}

type plannedPackage struct {
	*packPlan // not to be changed
	sum       [32]byte
}

type keptPackage struct {
	packageName
	web.Package
}

// Package implements web.Packages. What may be shown is read anew each time, so
// that a package that holds what was withheld since is not served again.
func (p *packages) Package(ctx context.Context, id onrecord.StatementID) (web.Package, error) {
	plan, err := p.plans.Do(ctx, id, func(ctx context.Context) (plannedPackage, error) { return p.planned(ctx, id) })
	if err != nil {
		return web.Package{}, busyOr(err)
	}
	name := packageName{id, plan.sum}
	if k, ok := p.find(name); ok {
		return k, nil
	}
	k, err := p.made.Do(ctx, name, func(ctx context.Context) (web.Package, error) {
		if k, ok := p.find(name); ok { // made just before
			return k, nil
		}
		var out bytes.Buffer
		if _, err := p.write(ctx, &out, plan.packPlan, nil); err != nil {
			return web.Package{}, err
		}
		k := web.Package{Body: out.Bytes(), SHA256: sha256.Sum256(out.Bytes()), Created: plan.created}
		p.keep(keptPackage{name, k})
		return k, nil
	})
	return k, busyOr(err)
}

// busyOr is err for the website.
func busyOr(err error) error {
	if errors.Is(err, flight.ErrBusy) {
		return fmt.Errorf("%w: %w", onrecord.ErrBusy, err)
	}
	return forNow(err)
}

// planned plans a package that is within what the website offers.
func (p *packages) planned(ctx context.Context, id onrecord.StatementID) (plannedPackage, error) {
	none := plannedPackage{}
	plan, err := p.plan(ctx, "", []onrecord.StatementID{id})
	if err != nil {
		return none, err
	}
	if len(plan.refs) == 0 {
		return none, fmt.Errorf("no capture of it may be shown: %w", onrecord.ErrNotFound)
	}
	if n := len(plan.statements[0].captures); plan.bytes > web.MaxPackage {
		return none, fmt.Errorf("%d captures have %d bytes: %w", n, plan.bytes, onrecord.ErrNotFound)
	}
	plan.title = packTitle(plan.statements[0].Statement)
	sum, err := plan.sum()
	return plannedPackage{plan, sum}, err
}

// find returns a package that is kept, as the one used last.
func (p *packages) find(name packageName) (web.Package, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, k := range p.kept {
		if k.packageName == name {
			p.kept = append(append(p.kept[:i:i], p.kept[i+1:]...), k)
			return k.Package, true
		}
	}
	return web.Package{}, false
}

// keep takes k in place of an older package of the same statement, else of the
// one that was asked for longest ago.
func (p *packages) keep(k keptPackage) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
