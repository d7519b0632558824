// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"

	"onrecord/archive/ledger"
)

// maxRedactionFile is the largest Options.Redactions that is read, in bytes.
const maxRedactionFile = 64 << 20

// A redactionFile is Options.Redactions: where erasures are, up to a tree. It
// can be deleted.
type redactionFile struct {
	V      int     `json:"v"`
	Origin string  `json:"origin"`
	Size   int64   `json:"size"`
	Root   string  `json:"root"` // base64
	Visits []int64 `json:"visits"`
	Unread []int64 `json:"unread,omitempty"` // visits that could not be read: to be tried again
}

// redactionVersion is that of redactionFile. Version 1 took what could not be
// read for no erasure.
const redactionVersion = 2

// loadRedactions reads the file, if it is one of this ledger.
func (a *Archive) loadRedactions(ctx context.Context, head ledger.Head) error {
	if a.redactionFile == "" {
		return nil
	}
	info, err := os.Stat(a.redactionFile)
	if err != nil || info.Size() > maxRedactionFile {
		return nil
	}
	b, err := os.ReadFile(a.redactionFile)
	if err != nil {
		return nil
	}
	var f redactionFile
	if err := json.Unmarshal(b, &f); err != nil || f.V != redactionVersion || f.Origin != a.meta.Origin || f.Size < 0 || f.Size > head.Size {
		return nil
	}
	root, err := base64.StdEncoding.DecodeString(f.Root)
	if err != nil || len(root) != 32 {
		return nil
	}
	if err := a.ledger.HeadExtends(ctx, head, ledger.Tree{Size: f.Size, Root: [32]byte(root)}); err != nil {
		if isAnswer(err) {
			return nil
		}
		return outOfReach(err)
	}
	r := (*Redactions)(nil).clone()
	m := &a.redactions
	m.acts, m.unread = nil, f.Unread
	for _, index := range f.Visits {
		_, err := a.noteAct(ctx, r, index)
		switch {
		case err == nil:
			m.acts = append(m.acts, index)
		case isAnswer(err) && ctx.Err() == nil:
			m.unread = append(m.unread, index)
		default:
			return err
		}
	}
	r.size, r.unread = f.Size, slices.Sorted(slices.Values(m.unread))
	m.known, m.saved = r, f.Size
	return nil
}

// saveRedactions writes the file, for the next process. That it can't is no
// harm.
func (a *Archive) saveRedactions(ctx context.Context, head ledger.Head) {
	m := &a.redactions
	const step = 1024 // leaves that are as well read again
	if a.redactionFile == "" || head.Size-m.saved < step && m.saved > 0 {
		return
	}
	b, err := json.Marshal(redactionFile{
		V: redactionVersion, Origin: a.meta.Origin, Size: head.Size, Root: base64.StdEncoding.EncodeToString(head.Root[:]), Visits: m.acts, Unread: m.unread,
	})
	tmp := a.redactionFile + ".tmp"
	if err == nil {
		err = os.WriteFile(tmp, b, 0o600)
	}
	if err == nil {
		err = os.Rename(tmp, a.redactionFile)
	}
	if err != nil {
		a.log.DebugContext(ctx, "where erasures are could not be kept", "err", err)
		return
	}
	m.saved = head.Size
}
