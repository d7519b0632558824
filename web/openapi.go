// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const apiDescription = "Read-only and public: no key, no cookie. Absent values are null; keys may be added and enumerations may grow within v1, nothing documented changes or goes. " +
	"Parameters that an endpoint does not know are errors. Windows are bounds: an event happened after \"after\" and no later than \"by\". " +
	"Each statement carries a notice that says whose copy it is: show it with the text."

// schemaName names a Go type in the description: apiStatement is Statement,
// apiPage[apiStatement] is PageStatement.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	return strings.ReplaceAll(strings.ReplaceAll(name, "Api", ""), "onrecord", "")
}

// describe prints the OpenAPI document, with our problems where huma has put
// its own.
func (s *server) describe(api huma.API) ([]byte, error) {
	doc := api.OpenAPI()
	registry := doc.Components.Schemas
	ref := registry.Schema(reflect.TypeFor[problem](), true, "Problem")
	for path, item := range doc.Paths {
		op := item.Get
		if op == nil {
			return nil, fmt.Errorf("openapi: %s is not GET", path)
		}
		for status := range op.Responses {
			if status == "default" || status >= "400" {
				delete(op.Responses, status)
			}
		}
		op.Responses["default"] = &huma.Response{
			Description: "A problem (RFC 9457)",
			Content:     map[string]*huma.MediaType{problemJSON: {Schema: ref}},
		}
		if clean := strings.TrimSuffix(path, "{$}"); clean != path {
			delete(doc.Paths, path)
			doc.Paths[clean] = item
		}
	}
	delete(registry.Map(), "ErrorModel")
	delete(registry.Map(), "ErrorDetail")
	for _, schema := range registry.Map() {
		schema.AdditionalProperties = nil // keys may be added within v1
	}
	body, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return append(body, '\n'), nil
}

// address is the events' address with its parameters, from after on.
func (in *eventsInput) address(after int64) string {
	v := url.Values{}
	v.Set("after", strconv.FormatInt(after, 10))
	for _, t := range tidy(in.Type) {
		v.Add("type", t)
	}
	for _, one := range [][2]string{{"figure", in.Figure}, {"platform", in.Platform}, {"source", in.Source}} {
		if one[1] != "" {
			v.Set(one[0], one[1])
		}
	}
	if in.Limit != 50 {
		v.Set("limit", strconv.Itoa(in.Limit))
	}
	return "/api/v1/events?" + v.Encode()
}
