// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package dispatch hands due visits to workers: a NATS JetStream work queue, in
// memory inside the process, or in a server or cluster outside, by the same code.
//
// It holds nothing that matters. A visit is due by the state of its source in
// the bucket; a queue that was lost, emptied or frozen is filled again from
// there, and what keeps a visit from being committed twice is the fence of the
// archive, not the queue. What the queue adds is that many processes share the
// work and that a host has one visitor at a time.
//
// # How
//
// One stream, one message a due visit, subject "visit.<host>.<source>" with both
// escaped (see token). The stream keeps one message a subject and refuses a
// second while the first waits or is under way; a message id "source@tick" makes
// a tick that every process announces one message. A host has one consumer, which
// gives out one message at a time: whoever holds it is the host's only visitor,
// on whatever machine. A consumer exists while its host has work and a little
// longer.
//
// A turn is kept by a heartbeat that the server confirms. A worker that was killed,
// frozen or cut off loses it after [Options.Wait], and another worker gets the
// visit. The first one finds its turn lost, a little earlier where it runs:
// [Turn.Context] ends, so that it leaves the host, and it ends nobody else's turn.
package dispatch
