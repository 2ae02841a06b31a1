package ci

import (
	"regexp"
	"strings"
)

// githubRemote matches the ways in which git names a repository on GitHub.
var githubRemote = regexp.MustCompile(`^(?:https://(?:[^/@]+@)?|ssh://git@|git@)github\.com[:/]([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}?)(?:\.git)?/?$`)

// Repository finds owner/name of GitHub in a .git/config: that of the remote origin, or else of the first other one.
func Repository(config string) string {
	section, found := "", ""
	for line := range strings.Lines(config) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		if strings.TrimSpace(key) != "url" || !strings.HasPrefix(section, "[remote ") {
			continue
		}
		m := githubRemote.FindStringSubmatch(strings.TrimSpace(value))
		switch {
		case m == nil:
		case section == `[remote "origin"]`:
			return m[1]
		case found == "":
			found = m[1]
		}
	}
	return found
}
