// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"onrecord/archive/bucket"
)

// corpses tells what repairs have set aside: evidence of damage that somebody
// is to look at, and that may hold what people have a right to see gone.
func (d *doctor) corpses(ctx context.Context, h *house) {
	const area = "damaged"
	list, err := h.archive.Corpses(ctx)
	if err != nil {
		_, hint := status(err)
		d.warn(area, hint, "what repairs have set aside can't be listed: %v", err)
		return
	}
	if len(list) == 0 {
		return
	}
	var size int64
	var oldest time.Time
	unknown := 0
	for _, c := range list {
		size += c.Size
		switch {
		case c.At.IsZero():
			unknown++
		case oldest.IsZero() || c.At.Before(oldest):
			oldest = c.At
		}
	}
	words := fmt.Sprintf("%s (%s) that repairs have set aside, below %s of the bucket", count(len(list), "damaged object", "damaged objects"), bytesOf(size), bucket.DamagedFolder)
	if !oldest.IsZero() {
		words += fmt.Sprintf("; the oldest since %s, %s", oldest.Format(time.RFC3339), ageWords(d.env.now().Sub(oldest)))
	}
	if unknown > 0 {
		words += fmt.Sprintf("; of %d it is not known since when", unknown)
	}
	d.warn(area, "look at them, then remove them by hand; an erasure removes those of what it erases, as far as can be told", "%s", words)
}

// ageWords words a span in days, in hours or in minutes, in whole ones.
func ageWords(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 0 {
		return count(days, "day", "days")
	}
	if hours := int(d / time.Hour); hours > 0 {
		return count(hours, "hour", "hours")
	}
	return count(int(d/time.Minute), "minute", "minutes")
}
