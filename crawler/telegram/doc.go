// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package telegram reads public channels through their web preview (the door
// "preview"), and the exports of Telegram Desktop.
package telegram
