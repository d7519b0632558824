// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"

	"onrecord/archive/ledger"
)

// Extends proves from tiles that the ledger, as its head has it, extends the
// one of the given size and root. A view asks it before it applies more.
func (a *Archive) Extends(ctx context.Context, size int64, root [32]byte) error {
	head, err := a.Head(ctx)
	if err != nil {
		return err
	}
	return outOfReach(a.ledger.HeadExtends(ctx, head, ledger.Tree{Size: size, Root: root}))
}
