// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"onrecord"
)

// TestMissingHasTheKeysOfTheAPI: `missing --json` tells of a run of lost lines what
// machine.missing of /api/v1/status tells, by the same keys; what is not known is null.
func TestMissingHasTheKeysOfTheAPI(t *testing.T) {
	raw, err := os.ReadFile("../../web/testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(raw, &api); err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(missingOf(onrecord.LostLines{From: 7, To: 10, Act: true, GivenUp: -1}))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	have, want := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(api.Components.Schemas["Lost"].Properties))
	if len(want) == 0 || !slices.Equal(have, want) {
		t.Errorf("keys %q, those of the API are %q", have, want)
	}
	for key, value := range map[string]any{"first": 7.0, "last": 9.0, "source": nil, "given_up": nil, "may_be_decision": true} {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
	line, err = json.Marshal(missingOf(onrecord.LostLines{From: 7, To: 10, Source: "press", GivenUp: 40}))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatal(err)
	}
	if got["source"] != "press" || got["given_up"] != 40.0 {
		t.Errorf("of lines that were given up: %s", line)
	}
}
