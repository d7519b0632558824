// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package dispatch hands due visits to workers: a JetStream work queue, inside
// the process or in a cluster outside. It holds nothing that matters.
package dispatch
