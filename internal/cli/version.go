package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/slipway-cd/slipway/iam/catalog"
)

type versionCommand struct{}

// Run prints the module version, the commit it was built from, and the date of the catalog.
func (versionCommand) Run(process *Process) error {
	version, commit := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = " " + s.Value
			}
		}
	}
	source, date := catalog.Source()
	_, dependents := catalog.DependentsSource()
	_, err := fmt.Fprintf(process.Stdout, "slipway %s%s\nIAM catalog %s of %s; dependent actions of %s\n", version, commit, source, date, dependents)
	return err
}
