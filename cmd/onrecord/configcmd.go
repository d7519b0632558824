// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"onrecord/config"
)

func newConfig(e *env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check or print the configuration",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Check the configuration; each problem is told with its place",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := e.config()
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings {
				e.say("note: %s", w)
			}
			if err := checkCredentials(cfg); err != nil {
				return err
			}
			sources, doors := 0, 0
			for _, f := range cfg.Figures {
				sources += len(f.Sources)
				for _, s := range f.Sources {
					doors += len(s.Doors)
				}
			}
			v := struct {
				File    string `json:"file"`
				Figures int    `json:"figures"`
				Sources int    `json:"sources"`
				Doors   int    `json:"doors"`
			}{e.configPath, len(cfg.Figures), sources, doors}
			return e.print(v, "%s: ok: %s, %s, %s\n", v.File, count(v.Figures, "figure", "figures"), count(v.Sources, "source", "sources"), count(v.Doors, "door", "doors"))
		},
	}, &cobra.Command{
		Use:   "print",
		Short: "Print the configuration with all defaults filled in",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := e.config()
			if err != nil {
				return err
			}
			v := struct {
				File string `json:"file"`
				YAML string `json:"yaml"`
			}{e.configPath, string(cfg.Print())}
			return e.print(v, "%s", v.YAML)
		},
	})
	return cmd
}

// checkCredentials reads the files of credentials that the configuration names:
// that one is missing is told before the day on which it is needed.
func checkCredentials(cfg *config.Config) error {
	for _, s := range append([]config.Store{cfg.Storage.Store}, cfg.Storage.Replicas...) {
		if s.Credentials == "" {
			continue // from the environment, perhaps that of another process
		}
		if _, err := credentialsOf(s); err != nil {
			return err
		}
	}
	return nil
}
