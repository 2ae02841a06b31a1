package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/ci"
)

// look finds the repository and what workflows tell, beside the release file or in a folder above, and says so.
func (c *initCommand) look(process *Process, folder string) (repository string, learned ci.Learned, err error) {
	root := repositoryRoot(folder)
	if root == "" {
		return "", learned, nil
	}
	say := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(process.Stderr, format+"\n", args...)
		}
	}
	config, name, err := gitConfig(root)
	if err != nil {
		return "", learned, err
	}
	if repository = ci.Repository(config); repository != "" && c.Repository == "" {
		say("%s: repository %s", name, repository)
	}
	files, err := workflows(root)
	if err != nil {
		return "", learned, err
	}
	learned = ci.Learn(files)
	return repository, learned, err
}

// repositoryRoot is the folder with .git; empty where there is none.
func repositoryRoot(folder string) string {
	dir, err := filepath.Abs(folder)
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}

// gitConfig reads the configuration of a repository, also from a work tree of its own. None is no error.
func gitConfig(root string) (content, name string, err error) {
	git := filepath.Join(root, ".git")
	if info, err := os.Stat(git); err == nil && !info.IsDir() {
		git = linked(git)
	}
	text, err := readBounded(filepath.Join(git, "config"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("git's configuration: %w", err)
	}
	return string(text), filepath.Join(".git", "config"), nil
}

// linked follows a .git that is a file to the folder with the configuration.
func linked(file string) string {
	text, _ := readBounded(file)
	dir := strings.TrimSpace(strings.TrimPrefix(string(text), "gitdir:"))
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(file), dir)
	}
	common, err := readBounded(filepath.Join(dir, "commondir"))
	if err != nil {
		return dir
	}
	return filepath.Join(dir, strings.TrimSpace(string(common)))
}

// workflows reads those of a repository, in the order of their names.
func workflows(root string) ([]ci.File, error) {
	var files []ci.File
	for _, pattern := range []string{"*.yml", "*.yaml"} {
		names, err := filepath.Glob(filepath.Join(root, ".github", "workflows", pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			content, err := readBounded(name)
			if err != nil {
				return nil, fmt.Errorf("workflow: %w", err)
			}
			short := filepath.ToSlash(filepath.Join(".github", "workflows", filepath.Base(name)))
			files = append(files, ci.File{Name: short, Content: string(content)})
		}
	}
	slices.SortFunc(files, func(a, b ci.File) int { return strings.Compare(a.Name, b.Name) })
	return files, nil
}
