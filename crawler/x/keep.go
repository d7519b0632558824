// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package x

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/klauspost/compress/zip"
)

// keptType is the type of what is kept in place of a file: a JSON value a line.
const keptType = "application/x-ndjson"

// keep says that the file that is read now must not be published whole: it is
// of an account archive, which holds messages, addresses and devices, or an
// archive with members that nobody has looked at. In its place the records are
// kept of which statements were made.
func (r *run) keep(on bool) { r.keeping = on }

// private reports whether an archive holds more than is read of it.
func private(z *zip.Reader) bool {
	return slices.ContainsFunc(z.File, func(m *zip.File) bool { return !m.FileInfo().IsDir() && !wanted(m.Name) })
}

// kept adds the record under way to what is kept of the batch, once.
func (r *run) kept() {
	if !r.keeping || r.keptRecord || len(r.record) == 0 {
		return
	}
	r.keptRecord = true
	var line bytes.Buffer
	if json.Compact(&line, r.record) == nil {
		r.keepLine(line.Bytes())
	}
}

func (r *run) keepLine(line []byte) {
	r.batch.Kept, r.batch.KeptType = append(append(r.batch.Kept, line...), '\n'), keptType
}

// keepAccount keeps what is said of the account, without its address and
// telephone number.
func (r *run) keepAccount(u user) {
	if !r.keeping {
		return
	}
	line, err := json.Marshal(map[string]string{"accountId": u.id, "username": u.handle, "accountDisplayName": u.name})
	if err == nil {
		r.keepLine(line)
	}
}

// keepRow makes a record of a row, where records are kept.
func (r *run) keepRow(h header, cells []string) {
	if !r.keeping {
		return
	}
	row := make(map[string]string, len(cells))
	for i, cell := range cells {
		row[h.cells[i]] = cell
	}
	line, err := json.Marshal(row)
	if err != nil {
		line = nil
	}
	r.begin(line)
}

// begin notes a record, of which posts are about to be taken.
func (r *run) begin(record []byte) { r.record, r.keptRecord = record, false }
