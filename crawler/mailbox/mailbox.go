// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/jhillyerd/enmime/v2"

	"onrecord"
	"onrecord/crawler"
)

// maxMessage is how long a message may be; a longer one is refused.
const maxMessage = 32 << 20

// ErrNoMail reports files among which there is no mail.
var ErrNoMail = errors.New("no mail")

// An importer is the import "mbox". It is safe for concurrent use.
type importer struct{}

// New returns the importer of kind "mbox": an mbox file, a message (.eml), a
// folder of either, or a Maildir.
//
// A message belongs to the target's account if the address in its From header
// is the target's handle, or of its domain where the handle is only a domain;
// or if the List-Id or the domain of the From address is the account's id. The
// others are refused, so that a whole mailbox can be read for one sender.
func New() crawler.Importer {
	return importer{}
}

// newParser returns a parser for one message.
func newParser(t *typer) *enmime.Parser {
	return enmime.NewParser(
		enmime.SkipMalformedParts(true),
		enmime.MultipartWOBoundaryAsSinglePart(true),
		enmime.SetReadPartErrorPolicy(enmime.AllowCorruptTextPartErrorPolicy),
		enmime.MaxStoredPartErrors(16),
		enmime.DisableTextConversion(true),
		enmime.SetCustomParseMediaType(t.parse),
	)
}

func (im importer) Info() crawler.Info {
	return crawler.Info{Kind: "mbox", Parser: "mbox/2", Platform: "email", Can: onrecord.Capabilities{ThirdParty: true}}
}

// Files returns the messages of a Maildir (cur, then new, never tmp), or else
// every mbox and .eml file, in the order of their paths. A single file is taken
// whatever its name.
func (im importer) Files(fsys fs.FS) ([]string, error) {
	var maildir, mail, all []string
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			return nil
		}
		all = append(all, p)
		switch dir := path.Base(path.Dir(p)); {
		case dir == "cur" || dir == "new":
			maildir = append(maildir, p)
		case dir == "tmp":
		case slices.Contains([]string{".eml", ".mbox", ".mbx"}, strings.ToLower(path.Ext(p))):
			mail = append(mail, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	if len(all) == 1 {
		mail, maildir = all, nil
	}
	list := append(mail, maildir...)
	if len(list) == 0 {
		return nil, fmt.Errorf("mailbox: %w in %d files: want an mbox file, .eml files, or a Maildir with cur and new", ErrNoMail, len(all))
	}
	slices.Sort(list)
	return list, nil
}

// Import yields each message as a batch of its own, since each has its own
// evidence.
func (im importer) Import(ctx context.Context, fsys fs.FS, t crawler.Target) iter.Seq2[crawler.Batch, error] {
	return func(yield func(crawler.Batch, error) bool) {
		files, err := im.Files(fsys)
		if err != nil {
			yield(crawler.Batch{}, err)
			return
		}
		for _, name := range files {
			if !im.file(ctx, fsys, name, t, yield) {
				return
			}
		}
	}
}

// file yields the messages of one file, and reports whether to go on.
func (im importer) file(ctx context.Context, fsys fs.FS, name string, t crawler.Target, yield func(crawler.Batch, error) bool) bool {
	f, err := fsys.Open(name)
	if err != nil {
		yield(crawler.Batch{}, fmt.Errorf("mailbox: %w", err))
		return false
	}
	defer f.Close()
	s := newSplitter(f)
	for n := int64(1); ; n++ {
		if err := ctx.Err(); err != nil {
			yield(crawler.Batch{}, err)
			return false
		}
		raw, err := s.next()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			yield(crawler.Batch{}, fmt.Errorf("mailbox: %s:%d: %w", name, s.line, err))
			return false
		}
		b := im.message(raw, t)
		b.File, b.Records = name, 1
		for i := range b.Refused {
			b.Refused[i].File, b.Refused[i].Record, b.Refused[i].Line = name, n, raw.line
		}
		if !yield(b, nil) {
			return false
		}
	}
}
