// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package compact hands on the released package.
package compact

import "released.example/merkle/compact"

// A NodeID is that of the released package.
type NodeID = compact.NodeID

// NewNodeID is that of the released package.
func NewNodeID(level uint, index uint64) NodeID { return compact.NewNodeID(level, index) }

// RangeNodes is that of the released package.
func RangeNodes(begin, end uint64, ids []NodeID) []NodeID { return compact.RangeNodes(begin, end, ids) }

// RangeSize is that of the released package.
func RangeSize(begin, end uint64) int { return compact.RangeSize(begin, end) }
