// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package telegram reads public channels: through the preview that t.me shows
// to anybody (the door "preview"), and out of the exports that Telegram
// Desktop writes (the importer "telegram"). What they can and can't see, and
// what of a post enters its content, is told in docs/platforms/telegram.md.
//
// An account is a channel; its stable id is the channel's number without sign,
// as it stands in data-view on the web, "id" in an export. A native id is
// CHANNEL/POST. An album is one statement, its first post's; the other posts
// of the album are aliases.
//
// Both read the text of a post from the same HTML, which the importer makes out
// of an export's entities: so one post has one wording, as far as both see it.
package telegram

// Platform is the platform of all statements here.
const Platform = "telegram"
