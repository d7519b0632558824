// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package mailbox reads e-mail that was received: mbox files, single messages
// and folders of them (.eml), and Maildirs.
//
// What a mailing list sends is addressed to one reader: it carries that
// reader's address, and links that name them. None of it may be published. A
// message is therefore not kept as it is: the evidence is a message made of it
// (message/rfc822, UTF-8) with the headers that speak of the sender, the text
// that was read, and the digest of the original, which stays with the operator.
// What was taken out is replaced by a word in brackets.
//
// Pictures that lie in a message are handed out beside it where nothing says
// that they were made for the reader; whether they are kept the operator says.
//
// Nothing in a message is ever asked for: neither images nor links nor the way
// to unsubscribe (platform reference 14).
package mailbox
