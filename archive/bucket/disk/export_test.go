// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package disk

import "os"

// SetSync replaces what makes a file or folder durable.
func (b *Bucket) SetSync(sync func(*os.File) error) { b.sync = sync }
