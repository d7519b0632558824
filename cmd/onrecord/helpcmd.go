// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// strictHelp makes "help" of something that is no command a mistake, as it is
// without "help".
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() != "help" {
			continue
		}
		c.Run, c.RunE = nil, func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 && cmd.HasSubCommands() {
				if cmd == nil || len(rest) == 0 {
					cmd, rest = root, args
				}
				return noCommand(cmd, rest[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		}
	}
}

// noCommand says that cmd has no command of a name, and which was perhaps meant.
func noCommand(cmd *cobra.Command, name string) error {
	hint := cmd.CommandPath() + " --help lists the commands"
	if near := meant(cmd, name); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return &failure{status: exitUsage, hint: hint, err: fmt.Errorf("%s has no command %q", cmd.CommandPath(), name)}
}

// meant returns the commands that name may stand for: of cmd, else of any.
func meant(cmd *cobra.Command, name string) []string {
	if list := likeness(cmd, name); len(list) > 0 {
		return list
	}
	var list []string
	var look func(*cobra.Command)
	look = func(c *cobra.Command) {
		list = append(list, likeness(c, name)...)
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "completion" {
				look(sub)
			}
		}
	}
	look(cmd.Root())
	return slices.Compact(list)
}

// likeness returns the commands of cmd whose names are like name, with their
// paths.
func likeness(cmd *cobra.Command, name string) []string {
	cmd.SuggestionsMinimumDistance = 2
	list := cmd.SuggestionsFor(name)
	for i, s := range list {
		list[i] = cmd.CommandPath() + " " + s
	}
	return list
}
