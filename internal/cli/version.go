package cli

import (
	"fmt"
	"runtime/debug"
	"strings"

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
	b := readBuild()
	switch {
	case !b.known:
		return "unknown"
	case b.revision != "":
		return b.version + " " + b.revision
	}
	return b.version
}

// build is what the program knows of how it was built.
type build struct {
	known             bool
	version, revision string
	// modified is true unless it is known that nothing but the commit was built.
	modified bool
}

func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{modified: true}
	}
	return buildOf(info)
}

func buildOf(info *debug.BuildInfo) build {
	b := build{known: true, version: info.Main.Version, modified: true}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.revision = s.Value
		case "vcs.modified":
			b.modified = s.Value == "true"
		}
	}
	return b
}

// exact is the module version and the commit; each empty where it is not known, or where more than the commit was built.
func (b build) exact() (version, revision string) {
	if strings.HasPrefix(b.version, "v") && !strings.Contains(b.version, "+dirty") {
		version = b.version
	}
	if !b.modified {
		revision = b.revision
	}
	return version, revision
}
