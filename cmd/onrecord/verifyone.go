// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"onrecord"
	"onrecord/archive"
	"onrecord/archive/bucket/mirror"
	"onrecord/archive/ledger"
	"onrecord/crawler"
)

// maxProofFile bounds a proof file that is read, in bytes; maxSiteProof one that a
// site gives out, which has no captures in it.
const (
	maxProofFile = 256 << 20
	maxSiteProof = 64 << 20
)

// mirrorWorkers is how many visits are read from a site at the same time.
const mirrorWorkers = 4

// verifyProof checks a proof file, with the key that was given or that of the
// configured archive.
func verifyProof(ctx context.Context, e *env, f verifyFlags, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxProofFile))
	if err != nil {
		return err
	}
	v := f.verifier
	if v == nil {
		if v, err = e.logVerifier(); err != nil {
			return err
		}
	}
	indexes, c, err := archive.CheckProof(b, v.Name(), v)
	if err != nil && f.verifier == nil {
		indexes, c, err = e.checkOldProof(ctx, b, err)
	}
	if err != nil {
		return e.wrongProof(path, err)
	}
	var p archive.ProofFile
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	return printProof(e, p, indexes, c, v)
}

// wrongProof tells why a proof file does not pass.
func (e *env) wrongProof(path string, why error) error {
	if e.json {
		found := []archive.Finding{{Kind: "proof", Object: path, Offset: -1, Index: -1, Reason: why.Error()}}
		v := map[string]any{"indexes": []int64{}, "records": 0, "size": 0, "root": "", "findings": findingsJSON(found)}
		if err := e.print(v, ""); err != nil {
			return err
		}
	}
	return &failure{status: exitMismatch, hint: "is it a proof file of this log, whole, and the key the right one?", err: fmt.Errorf("%s: %w", path, why)}
}

// checkOldProof checks a proof file that log.key alone does not, by first, with
// all keys that this machine's archive has had.
func (e *env) checkOldProof(ctx context.Context, b []byte, first error) ([]int64, ledger.Checkpoint, error) {
	h, err := e.open(ctx, recordOnly)
	if err != nil {
		return nil, ledger.Checkpoint{}, fmt.Errorf("%w (an older log key was not looked for: %w)", first, err)
	}
	defer h.close()
	keys, err := h.archive.Keys(ctx)
	if err != nil || len(keys.Links()) == 0 {
		return nil, ledger.Checkpoint{}, first
	}
	return archive.CheckProofWith(b, keys)
}

// logVerifier returns the verifier of this machine's log key.
func (e *env) logVerifier() (note.Verifier, error) {
	need := func(err error) error {
		return &failure{status: exitUsage, hint: "onrecord verify FILE --key 'name+hash+key'", err: fmt.Errorf("a proof file is checked with the key of the log: %w", err)}
	}
	cfg, err := e.config()
	if err != nil {
		return nil, need(err)
	}
	key, err := readLogKey(cfg.StateDir)
	if err == nil && key.verifier == nil {
		err = errors.New("this machine has no log.key")
	}
	if err != nil {
		return nil, need(err)
	}
	return key.verifier, nil
}

// printProof says what a proof shows, and what it does not.
func printProof(e *env, p archive.ProofFile, indexes []int64, c ledger.Checkpoint, v note.Verifier) error {
	root := base64.StdEncoding.EncodeToString(c.Root[:])
	if e.json {
		return e.print(map[string]any{"indexes": indexes, "records": len(p.Records), "size": c.Size, "root": root, "findings": []string{}}, "")
	}
	for i, l := range p.Lines {
		what := fmt.Sprintf("line %d of visit %s", l.Line, l.Visit)
		if ev, err := onrecord.ParseEvent([]byte(l.Text)); err == nil {
			what = fmt.Sprintf("%s of statement %s, observed %s", ev.Type, ev.Statement, ev.At.UTC().Format(time.RFC3339))
		}
		fmt.Fprintln(e.io.out, plain(fmt.Sprintf("ledger no. %d: %s", indexes[i], what)))
	}
	proven := count(len(p.Lines), "line", "lines")
	if n := len(p.Records); n > 0 {
		proven += " and " + count(n, "capture", "captures")
	}
	fmt.Fprintf(e.io.out, "%s proven: recorded no later than the checkpoint of size %d, and not changed since\nroot %s\nchecked with %s+%08x\n",
		proven, c.Size, root, v.Name(), v.KeyHash())
	fmt.Fprintln(e.io.out, "this does not show that nothing came after, nor that the platform served it")
	return nil
}

// verifyOne checks one statement of the configured archive.
func verifyOne(ctx context.Context, e *env, arg string) error {
	h, err := e.open(ctx, reading)
	if err != nil {
		return err
	}
	defer h.close()
	if u, err := url.Parse(arg); err == nil && strings.HasPrefix(arg, h.cfg.Archive.URL+"/s/") {
		arg, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "/s/"), "/")
	}
	ids, err := statementIDs(ctx, arg, h.catalog)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s, err := h.catalog.Statement(ctx, id)
		if errors.Is(err, onrecord.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		events, err := h.catalog.StatementEvents(ctx, id)
		if err != nil {
			return err
		}
		indexes := []int64{s.LastIndex}
		for _, ev := range events {
			indexes = append(indexes, ev.Index)
		}
		rep, err := h.archive.VerifyStatement(ctx, id, indexes)
		if err != nil {
			return err
		}
		return printStatementReport(e, id, rep, reportOf{key: h.keyWords(), trusted: h.key.verifier, hint: h.damagedHint(rep.Findings)})
	}
	return fmt.Errorf("the archive holds no statement %.300s", arg)
}

func printStatementReport(e *env, id onrecord.StatementID, rep archive.Report, o reportOf) error {
	if !e.json {
		for _, f := range rep.Findings {
			fmt.Fprintln(e.io.out, plain(findingLine(f)))
		}
		fmt.Fprintf(e.io.out, "statement %s: %s in the ledger of size %d, %s: %s\n", id, count(int(rep.Lines), "line", "lines"), rep.Size,
			count(int(rep.Records), "capture", "captures"), count(len(rep.Findings), "mismatch", "mismatches"))
		printApart(e, rep)
		fmt.Fprintf(e.io.out, "root %s\nchecked with %s\n", rep.Root, o.key)
	} else if err := e.print(withStatement(o.addTo(verifyJSON(rep)), id), ""); err != nil {
		return err
	}
	if n := len(rep.Findings); n > 0 {
		return &failure{status: exitMismatch, hint: o.hint, err: fmt.Errorf("verification found %s", count(n, "mismatch", "mismatches"))}
	}
	return nil
}

// withStatement adds to a report as JSON which statement it is of.
func withStatement(v map[string]any, id onrecord.StatementID) map[string]any {
	v["statement"] = id
	return v
}

// isElsewhere reports whether u is a page of a statement of another archive than
// the configured one.
func (e *env) isElsewhere(u *url.URL) bool {
	text, ok := strings.CutPrefix(u.Path, "/s/")
	text, _, _ = strings.Cut(text, "/")
	if _, err := onrecord.ParseStatementID(text); err != nil || !ok {
		return false
	}
	cfg, err := e.config()
	return err != nil || !strings.HasPrefix(u.String(), cfg.Archive.URL+"/s/")
}

// outside opens an archive through its website.
func outside(ctx context.Context, e *env, f verifyFlags, site string) (*archive.Archive, *http.Client, error) {
	if f.verifier == nil {
		return nil, nil, needsKey(site)
	}
	networks := f.networks
	if cfg, err := e.config(); err == nil {
		networks = append(networks, cfg.Crawl.AllowAddresses...)
	}
	client := &http.Client{Transport: crawler.NewTransport(networks)}
	refused := func(err error) bool { return errors.Is(err, crawler.ErrRefused) }
	b, err := mirror.Open(site, mirror.Options{Client: client, UserAgent: "onrecord/" + version(), Final: refused})
	if err != nil {
		return nil, nil, usagef("%v", err)
	}
	a, err := archive.OpenOutside(ctx, b, archive.Options{Verifier: f.verifier, PublicKey: f.key, Now: e.now, Log: e.logger()})
	if err != nil {
		err = fmt.Errorf("archive at %s: %w", site, err)
		switch {
		case refused(err):
			return nil, nil, &failure{status: exitUnreachable, hint: "an address of your own network needs --allow-address", err: err}
		case errors.Is(err, archive.ErrUnreachable), errors.Is(err, archive.ErrNoArchive):
			return nil, nil, &failure{status: exitUnreachable, hint: "is that the address of an archive's website, without a path?", err: err}
		case errors.Is(err, archive.ErrKey):
			return nil, nil, &failure{status: exitMismatch, hint: "is the key right, and did you get it from somebody you trust?", err: err}
		}
		return nil, nil, err
	}
	return a, client, nil
}

// tellHint says what a stranger does about what does not match.
const tellHint = "keep what you have seen, and tell the operator: the page About says how"

// needsKey refuses to verify what lies elsewhere without a key.
func needsKey(address string) error {
	return &failure{
		status: exitUsage, hint: "onrecord verify " + address + " --key 'name+hash+key'",
		err: errors.New("an archive is verified from outside with the key of its log, which you have from elsewhere"),
	}
}

// keyFrom says which key a verification from outside rests on.
func keyFrom(v note.Verifier) string {
	return fmt.Sprintf("the key that was given, %s+%08x", v.Name(), v.KeyHash())
}

// verifySite checks an archive from outside.
func verifySite(ctx context.Context, e *env, f verifyFlags, site string) error {
	a, _, err := outside(ctx, e, f, site)
	if err != nil {
		return err
	}
	o, err := f.options(ctx, a)
	if err != nil {
		return err
	}
	bar := e.progress("verifying")
	o.Progress, o.Outside, o.Workers = bar.set, true, mirrorWorkers
	rep, err := a.Verify(ctx, o)
	bar.done()
	if err != nil {
		return err
	}
	return printReport(e, rep, reportOf{part: f.part, key: keyFrom(f.verifier), trusted: f.verifier, hint: tellHint, since: o.Since, sinceFile: f.since})
}

// verifyElsewhere checks one statement of another archive: its last line by the
// proof that the site gives out, and from there back through the record.
func verifyElsewhere(ctx context.Context, e *env, f verifyFlags, u *url.URL) error {
	rest, ok := strings.CutPrefix(u.Path, "/s/")
	text, _, _ := strings.Cut(rest, "/")
	id, err := onrecord.ParseStatementID(text)
	if !ok || err != nil {
		return usagef("%s is no page of a statement, such as https://archive.example/s/0123456789abcdef", u)
	}
	site := u.Scheme + "://" + u.Host
	if f.verifier == nil {
		return needsKey(u.String())
	}
	a, client, err := outside(ctx, e, f, site)
	if err != nil {
		return err
	}
	b, err := download(ctx, client, id, site)
	if err != nil {
		return err
	}
	indexes, point, err := archive.CheckProof(b, f.verifier.Name(), f.verifier)
	if err != nil {
		return &failure{status: exitMismatch, hint: tellHint, err: fmt.Errorf("the proof that %s gives out: %w", site, err)}
	}
	rep, err := a.VerifyStatement(ctx, id, indexes)
	if err != nil {
		return err
	}
	// The record was read after the proof was made: it extends that, or there are two.
	if err := a.Extends(ctx, point.Size, point.Root); isMismatch(err) {
		rep.Findings = append(rep.Findings, archive.Finding{Kind: archive.KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("the record does not extend the ledger of size %d and root %s that the proof of the same site is of: it shows two histories: %v", point.Size, rootText(point.Root), err)})
	} else if err != nil {
		return err
	}
	return printStatementReport(e, id, rep, reportOf{key: keyFrom(f.verifier), trusted: f.verifier, hint: tellHint})
}

// download reads the proof file of a statement from a site.
func download(ctx context.Context, client *http.Client, id onrecord.StatementID, site string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	address := site + "/api/v1/statements/" + string(id) + "/proof"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "onrecord/"+version())
	res, err := client.Do(req)
	if err != nil {
		return nil, &failure{status: exitUnreachable, err: err}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, noProof(res, id, site)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxSiteProof))
	if err != nil {
		return nil, &failure{status: exitUnreachable, hint: againHint, err: fmt.Errorf("%s: %w", address, err)}
	}
	return b, nil
}

// maxProblem bounds what a site says of why it gives out no proof, in bytes.
const maxProblem = 1 << 16

// noProof words why a site gives out no proof of a statement.
func noProof(res *http.Response, id onrecord.StatementID, site string) error {
	var p struct {
		Case    string    `json:"case"`
		Decided time.Time `json:"decided"`
	}
	if b, err := io.ReadAll(io.LimitReader(res.Body, maxProblem)); err == nil {
		_ = json.Unmarshal(b, &p) // else no more is known
	}
	switch res.StatusCode {
	case http.StatusUnavailableForLegalReasons, http.StatusGone, http.StatusForbidden:
		if p.Case == "" {
			break
		}
		words := "withheld, case " + plain(fmt.Sprintf("%.100s", p.Case))
		if !p.Decided.IsZero() {
			words += ", decided " + p.Decided.UTC().Format(time.DateOnly)
		}
		return &failure{status: exitFailed, hint: site + "/about/takedowns lists the decisions; the rest of the record can be verified: onrecord verify " + site, err: fmt.Errorf("statement %s: %s: %s does not show its lines, so they can't be checked", id, words, site)}
	case http.StatusNotFound:
		return fmt.Errorf("%s holds no statement %s", site, id)
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return &failure{status: exitUnreachable, hint: againHint, err: fmt.Errorf("%s can't reach its storage just now (%s)", site, res.Status)}
	}
	return fmt.Errorf("the proof of statement %s: %s answers %s", id, site, res.Status)
}
