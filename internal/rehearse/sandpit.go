package rehearse

import (
	"github.com/slipway-cd/slipway/internal/release"
)

// Sandpit is the release that `slipway local up` serves when it is given none: one account with nodes tagged
// App=sandpit, and roles that may run AWS-RunShellScript on them.
func Sandpit(nodes int) *release.Release {
	return &release.Release{
		File: "(built in)", App: "sandpit", Region: "us-east-1",
		Accounts: map[string]string{"local": "111111111111"},
		Local:    release.Local{Nodes: map[string]int{"dev": nodes}},
		Stages: []release.Stage{{
			Name: "dev", Account: "local", AccountID: "111111111111", Region: "us-east-1",
			Targets: release.Targets{Tags: []release.Tag{{Key: "App", Values: []string{"sandpit"}}}, Min: 1},
			Steps: []release.Step{{Command: &release.Command{
				Name: "shell", Document: "AWS-RunShellScript", Commands: []string{"true"},
				Script: nil,
			}}},
		}},
	}
}
