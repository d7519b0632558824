// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"onrecord/config"
)

const mediaHead = `
archive: {name: A, operator: {name: B, email: desk@archive.example}, url: http://127.0.0.1:8080}
storage: {url: file:///srv/data}
log: {origin: archive.example/log}
`

func TestMedia(t *testing.T) {
	all := []string{"image", "video", "audio", "document"}
	standard := config.Media{Types: all, MaxImage: 20 << 20, MaxVideo: 500 << 20, MaxAudio: 200 << 20, MaxDocument: 50 << 20}
	few := standard
	few.Types, few.MaxImage, few.Imports = []string{"image"}, 5e6, true
	none := standard
	none.Types = []string{}
	for text, want := range map[string]config.Media{
		"": standard, "media: {types: [image], max_image: 5MB, imports: true}": few, "media: {types: []}": none,
	} {
		got, err := config.Parse("x.yaml", []byte(mediaHead+text), config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Media); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
		again, err := config.Parse("x.yaml", got.Print(), config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, again.Media); diff != "" {
			t.Errorf("%s, printed (-want +got):\n%s", text, diff)
		}
	}
	if few.Most("video") != 0 || few.Most("image") != 5e6 || standard.Most("other") != 0 {
		t.Error("Most")
	}
}

func TestMediaProblems(t *testing.T) {
	for text, want := range map[string]string{
		"media: {types: [images]}":       `"images" is no kind of attachments`,
		"media: {types: [image, image]}": "twice",
		"media: {max_video: 5GiB}":       "not between",
		"media: {max_video: 0B}":         "not between",
		"media: {max_video: many}":       "no size",
		"media: {imports: maybe}":        "yes or no",
	} {
		_, err := config.Parse("x.yaml", []byte(mediaHead+text), config.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
