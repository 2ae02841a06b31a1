package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"maps"

	"github.com/slipway-cd/slipway/internal/roles"
)

type rolesCommand struct {
	Render renderCommand `cmd:"" help:"Write the roles: trust policies, permissions, boundaries."`
}

type renderCommand struct {
	releaseFlags
	Format string `enum:"text,json" default:"text" help:"text (each statement with its reason) or json (default: text)."`
	Out    string `placeholder:"DIR" help:"With --format json: write DIR/<account>/<Role>/{trust,policy-<name>,boundary}.json, and DIR/<account>/bucket-<name>.json for a record of another account."`
}

// Help shows examples under `slipway roles render --help`.
func (renderCommand) Help() string {
	return `Every statement has a reason, and every Resource * says why AWS takes nothing else.

Examples:
  slipway roles render
  slipway roles render --format json --out roles
  slipway prove --policies roles`
}

// Run renders the roles.
func (c *renderCommand) Run(process *Process) error {
	l, err := c.load()
	if err != nil {
		return err
	}
	set, err := l.rolesFor("")
	if err != nil {
		return err
	}
	switch {
	case c.Format == "text" && c.Out != "":
		return usage(fmt.Errorf("--out writes files, and the text rendering is none"), "add --format json")
	case c.Format == "text":
		_, err = io.WriteString(process.Stdout, roles.Text(set))
		return err
	case c.Out == "":
		return writeFiles(roles.Write(set), func(name string, content []byte) error {
			_, err := fmt.Fprintf(process.Stdout, "%s\n%s", name, content)
			return err
		})
	}
	return writeFiles(roles.Write(set), func(name string, content []byte) error {
		path := filepath.Join(c.Out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		_, err := fmt.Fprintln(process.Stderr, "wrote", path)
		return err
	})
}

// writeFiles hands out files in the order of their names.
func writeFiles(files map[string][]byte, write func(name string, content []byte) error) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := write(name, files[name]); err != nil {
			return fmt.Errorf("write roles: %w", err)
		}
	}
	return nil
}
