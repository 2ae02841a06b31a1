package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/slipway-cd/slipway/iam/catalog"
)

type versionCommand struct{}

// Run prints the module version, the commit it was built from, and the date of the catalog.
func (versionCommand) Run(process *Process) error {
	source, date := catalog.Source()
	_, dependents := catalog.DependentsSource()
	_, err := fmt.Fprintf(process.Stdout, "slipway %s\nIAM catalog %s of %s; dependent actions of %s\n", versionText(), source, date, dependents)
	return err
}

// versionText is the module version, and the commit that it was built from where that is known.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			text += " " + s.Value
		}
	}
	return text
}
