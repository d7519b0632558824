// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

// Package rfc6962 hands on the released package.
package rfc6962

import "released.example/merkle/rfc6962"

// DefaultHasher is that of the released package.
var DefaultHasher = rfc6962.DefaultHasher
