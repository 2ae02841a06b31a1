package shell

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// prefixes are commands that run the command that follows, with those of their options that take a value.
var prefixes = map[string][]string{
	"sudo": {"-u", "--user", "-g", "--group", "-h", "-p", "-C", "-D"}, "doas": {"-u"}, "env": {"-u", "-C", "-S"}, "command": nil,
	"exec": {"-a"}, "nohup": nil, "nice": {"-n"}, "ionice": {"-c", "-n"}, "timeout": {"-k", "-s", "--kill-after", "--signal"},
	"setsid": nil, "time": nil, "builtin": nil, "chronic": nil, "unbuffer": nil, "stdbuf": {"-i", "-o", "-e"}, "runuser": {"-u", "--user"}, "xargs": {"-n", "-I", "-P", "-L", "-d", "-a", "-s"},
	"flock": {"-w", "--timeout", "--wait", "-E", "--conflict-exit-code"},
}

// positional are prefixes with an argument of their own before the command: a duration, a file.
var positional = []string{"timeout", "flock"}

// takesValue says whether an option, or the last of several that are written as one, has its value in the next word.
func takesValue(valued []string, option string) bool {
	if cluster.MatchString(option) {
		option = "-" + option[len(option)-1:]
	}
	return slices.Contains(valued, option)
}

var cluster = regexp.MustCompile(`^-[A-Za-z]{2,}$`)

// withoutPrefix drops sudo, env VAR=value and the like from the front.
func withoutPrefix(words []Word) []Word {
	for len(words) > 0 {
		name := path.Base(words[0].Text)
		valued, is := prefixes[name]
		if !is || !words[0].Whole {
			return words
		}
		words = words[1:]
		for len(words) > 0 && (strings.HasPrefix(words[0].Text, "-") || name != "xargs" && strings.Contains(words[0].Text, "=")) {
			takes := takesValue(valued, words[0].Text)
			words = words[1:]
			if takes && len(words) > 0 {
				words = words[1:]
			}
		}
		if slices.Contains(positional, name) && len(words) > 0 {
			words = words[1:]
		}
		if name == "flock" && len(words) > 0 && words[0].Text == "-c" {
			return append([]Word{{Text: "sh", Whole: true, Written: "sh"}}, words...)
		}
	}
	return words
}
