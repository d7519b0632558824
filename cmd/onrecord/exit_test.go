// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The document, the help text and the README's claim are one table.
func TestExitStatusesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/exit-status.md")
	if err != nil {
		t.Fatal(err)
	}
	inDoc := regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(string(doc), -1)
	inHelp := regexp.MustCompile(`(?m)^ +(\d+)  `).FindAllStringSubmatch(exitStatusTable(), -1)
	list := func(rows [][]string) string {
		var codes []string
		for _, r := range rows {
			codes = append(codes, r[1])
		}
		return strings.Join(codes, " ")
	}
	if got, want := list(inDoc), list(inHelp); got != want || len(inHelp) != 10 {
		t.Errorf("docs/exit-status.md lists %s, help lists %s", got, want)
	}
}

// Every command and every flag says what it is for.
func TestCommandsAreDocumented(t *testing.T) {
	root := newRoot(&env{})
	for _, c := range root.Commands() {
		if c.Short == "" || c.Name() != "help" && c.Name() != "completion" && c.Name() != "version" && c.Long == "" && !c.HasSubCommands() {
			t.Errorf("onrecord %s has no description", c.Name())
		}
		if usages := c.LocalFlags().FlagUsages(); strings.Contains(usages, "   \n") {
			t.Errorf("onrecord %s has a flag without a description:\n%s", c.Name(), usages)
		}
	}
}
