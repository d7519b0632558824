// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"onrecord/archive/bucket"
	"onrecord/archive/ledger"
)

// log verifies checkpoint, head, tiles and, on the way, all visits. It returns
// the size of the ledger as it was read. From outside there is no head: whoever
// serves it could write into it what they like.
func (v *verification) log(ctx context.Context) (int64, error) {
	head, headed, err := v.head(ctx)
	if err != nil {
		return 0, err
	}
	// The checkpoint is read after the head: it may be ahead of it.
	c, err := v.a.ledger.Checkpoint(ctx)
	published, err := v.register(ctx, KindCheckpoint, ledger.CheckpointKey, err)
	if err != nil {
		return 0, err
	}
	if published && headed && head.Size < c.Size {
		headed, err = v.behind(ctx, c)
		if err != nil {
			return 0, err
		}
	}
	v.tree = c.Tree
	if !published {
		v.tree = head.Tree
	}
	var batch []ledger.Leaf // committed and not yet published
	if published && headed && head.Size >= c.Size {
		if batch, err = v.ahead(ctx, head, c); err != nil {
			return 0, err
		}
	}
	size := v.tree.Size + int64(len(batch))
	v.trusted = v.tree.Size
	v.report.Size, v.report.Unsigned = c.Size, size-c.Size
	if published {
		v.report.Root = base64.StdEncoding.EncodeToString(c.Root[:])
		for offset, err := range ledger.Signatures(c.Note, v.o.Witnesses...) {
			v.find(Finding{Kind: KindCheckpoint, Object: ledger.CheckpointKey, Offset: offset, Index: -1, Reason: err.Error()})
		}
	}
	if err := v.visits(ctx, size, batch); err != nil {
		return size, err
	}
	return size, v.since(ctx)
}

// head reads the head, where it is to be believed at all.
func (v *verification) head(ctx context.Context) (ledger.Head, bool, error) {
	if v.o.Outside {
		return ledger.Head{}, false, nil
	}
	head, _, err := v.a.ledger.Head(ctx)
	ok, err := v.register(ctx, KindHead, ledger.HeadKey, err)
	return head, ok, err
}

// behind judges a head that is smaller than the checkpoint, which another
// machine may have moved meanwhile. It reports whether the head is all right.
func (v *verification) behind(ctx context.Context, c ledger.Checkpoint) (bool, error) {
	head, _, err := v.a.ledger.Head(ctx)
	ok, err := v.register(ctx, KindHead, ledger.HeadKey, err)
	if ok && head.Size < c.Size {
		v.find(Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("size %d, the checkpoint has %d: it is an older one", head.Size, c.Size)})
		ok = false
	}
	return ok, err
}

// ahead checks that the head extends the checkpoint, and returns the leaves
// that are in it only.
func (v *verification) ahead(ctx context.Context, head ledger.Head, c ledger.Checkpoint) ([]ledger.Leaf, error) {
	switch {
	case head.Size == c.Size && head.Root != c.Root:
		v.find(Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("another root at size %d than in the checkpoint", c.Size)})
		return nil, nil
	case c.Size < head.From(): // a head is swapped only when the one before it is published
		if err := v.a.ledger.HeadExtends(ctx, head, c.Tree); err != nil { // nobody signs heads
			err = fmt.Errorf("size %d, behind the checkpoint's %d, and the tiles do not lead there: %w", head.Size, c.Size, err)
			return nil, v.judge(err, Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1})
		}
		v.find(Finding{Kind: KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1,
			Reason: fmt.Sprintf("size %d, the head was appended to a published size of %d: it is an older one", c.Size, head.From())})
		v.tree = ledger.Tree{Size: head.Size, Root: head.Root}
		return nil, nil
	}
	if err := v.a.ledger.HeadExtends(ctx, head, c.Tree); err != nil {
		return nil, v.judge(err, Finding{Kind: KindHead, Object: ledger.HeadKey, Offset: -1, Index: -1})
	}
	return head.Batch[c.Size-head.From():], nil
}

// since checks that the ledger extends the checkpoint that was seen before.
func (v *verification) since(ctx context.Context) error {
	if v.o.Since == nil {
		return nil
	}
	err := v.a.ledger.Extends(ctx, v.o.Since.Tree, v.tree)
	if err == nil {
		return nil
	}
	says := "it does not extend"
	if v.has(KindTile) && !errors.Is(err, ledger.ErrRolledBack) {
		says = "while tiles are damaged it can't be proven to extend"
	}
	return v.judge(fmt.Errorf("%s the checkpoint of size %d that was seen before: %w", says, v.o.Since.Size, err),
		Finding{Kind: KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1})
}

// again reads the checkpoint of a mirror once more: what it shows at the end must
// extend what it showed at the beginning.
func (v *verification) again(ctx context.Context, _ int64) error {
	if !v.o.Outside || v.report.Root == "" || v.has(KindTile) {
		return nil
	}
	now, err := v.a.ledger.Checkpoint(ctx)
	if err == nil && now.Size >= v.tree.Size {
		err = v.a.ledger.Extends(ctx, v.tree, now.Tree)
	}
	if err == nil {
		return nil // a smaller one is of a server that is behind
	}
	return v.judge(fmt.Errorf("read once more at the end it has size %d: it is withdrawn, or of another history than that of size %d at the beginning: %w", now.Size, v.tree.Size, err),
		Finding{Kind: KindCheckpoint, Object: ledger.CheckpointKey, Offset: -1, Index: -1})
}

// register judges the error of reading a register of the ledger: if its bytes
// can be read at all, the error is of them, and a finding. It reports whether
// there was none.
func (v *verification) register(ctx context.Context, kind, key string, cause error) (bool, error) {
	if cause == nil {
		return true, nil
	}
	if _, _, err := v.a.b.Load(ctx, key); err != nil && !errors.Is(err, bucket.ErrNotExist) {
		return false, outOfReach(fmt.Errorf("%s: %w", key, err))
	}
	v.find(Finding{Kind: kind, Object: key, Offset: -1, Index: -1, Reason: cause.Error()})
	return false, nil
}
