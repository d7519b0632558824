// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package mailbox reads e-mail that was received: mbox files, folders of .eml
// files, and Maildirs.
package mailbox
