// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
)

// Reopen looks whether the file was replaced by a rebuilt one, and opens that.
// Every query and every Apply begins with it.
func (c *Catalog) Reopen(ctx context.Context) error { return nil }
