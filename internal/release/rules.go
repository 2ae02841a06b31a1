package release

import (
	"fmt"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// The checks of rules: what is wrong with a text, and what would be right.

// noSecrets is the hint for a secret that was written down.
const noSecrets = "parameters, commands and the record are readable to many: let the script fetch the secret on the " +
	"node, and revoke this one"

// ReservedPrefix gives the prefix because of which CreateDocument refuses a document's name, in any case; empty when
// there is none.
func ReservedPrefix(name string) string {
	for _, prefix := range []string{"aws", "amazon", "amzn"} {
		if strings.HasPrefix(strings.ToLower(name), prefix) {
			return prefix
		}
	}
	return ""
}

// notReserved: the app's name begins every document's.
func notReserved(app string) (problem, hint string) {
	if prefix := ReservedPrefix(app); prefix != "" {
		return fmt.Sprintf("%q begins with %q, which AWS reserves for its own documents", app, prefix), ""
	}
	return "", ""
}

// regions that existed in 2026, for suggestions only.
var regions = []string{
	"af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
	"ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
	"ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1",
	"eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
	"mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
}

var regionArea = regexp.MustCompile(`^[a-z]+-(?:central|(?:north|south)(?:east|west)?|east|west)-`)

// likelyRegion finds slips such as eu-wset-1 in what has a region's shape. A region that is newer than the list is
// let through.
func likelyRegion(region string) (problem, hint string) {
	if slices.Contains(regions, region) || regionArea.MatchString(region) {
		return "", ""
	}
	return fmt.Sprintf("%q is not a region of AWS", region), didYouMean(region, regions)
}

// safeText is a text that may be sent: no NUL, no secret.
func safeText(s string) (problem, hint string) {
	if problem, hint := notBlankText(s); problem != "" {
		return problem, hint
	}
	if kind := secretIn(s); kind != "" {
		return "it holds " + kind, noSecrets
	}
	return "", ""
}

func notBlankText(s string) (problem, hint string) {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		return "it has a control character", "leave it out"
	}
	return "", ""
}

// constantText is a safe text without variables: a variable's own default.
func constantText(s string) (problem, hint string) {
	if hasVariable(s) {
		return "a variable's default cannot contain variables", "write the value out"
	}
	return safeText(s)
}

func notBlank(s string) (problem, hint string) {
	if strings.TrimSpace(s) == "" {
		return "it is blank", "for example deploy/release.sh"
	}
	return notBlankText(s)
}

// ownDirectory is a directory that nodes may write in: absolute or in the home, and not the whole of either.
func ownDirectory(dir string) (problem, hint string) {
	const example = "for example ~/.cache/go-build"
	inHome, isHome := strings.CutPrefix(dir, "~/")
	switch {
	case !isHome && !path.IsAbs(dir):
		return fmt.Sprintf("%s is neither absolute nor begins with ~/", quote(dir)), example
	case slices.Contains(strings.Split(dir, "/"), ".."):
		return fmt.Sprintf("%s has a .. in it", quote(dir)), "write the path out"
	case isHome && path.Clean("/"+inHome) == "/", !isHome && path.Clean(dir) == "/":
		return fmt.Sprintf("%s is too wide: scripts may write everywhere in a cache", quote(dir)), example
	}
	return notBlankText(dir)
}

// freeStepName: a document's second step is called validate.
func freeStepName(name string) (problem, hint string) {
	if name == "validate" {
		return `the name "validate" is taken: the step that runs validate: has it`, "for example release"
	}
	return "", ""
}

// takenNames are environment variables that the agent or slipway sets, that decide what a shell runs or how, or that a
// shell sets itself or does not let be set: a script would get another value than the release's.
var takenNames = expr(`^(?:` + strings.Join([]string{
	`HOME|PATH|TMPDIR|SSM_.*|AWS_.*|LD_.*|slipway_.*`,
	// What decides what a shell runs or how.
	`IFS|ENV|CDPATH|BASH(?:_.*|OPTS|PID)?|SHELLOPTS|POSIXLY_CORRECT|GLOBIGNORE|EXECIGNORE|FIGNORE|FUNCNEST|TMOUT|PS[0-4]|PROMPT_COMMAND`,
	// What a shell sets itself.
	`UID|EUID|PPID|PWD|OLDPWD|SHLVL|RANDOM|SRANDOM|SECONDS|LINENO|EPOCH(?:SECONDS|REALTIME)|HISTCMD|OPT(?:IND|ARG|ERR)`,
	`REPLY|COLUMNS|LINES|GROUPS|DIRSTACK|FUNCNAME|PIPESTATUS|MAPFILE|COPROC|COMP(?:REPLY|_.*)|READLINE_.*`,
}, "|") + `)$`)

func freeName(name string) (problem, hint string) {
	if takenNames.MatchString(name) {
		return fmt.Sprintf("the name %q is taken: the agent, the shell or slipway sets it", name),
			"choose another, such as App" + name
	}
	return "", ""
}

// unsafeInPattern are the characters that no parameter may allow: on agents too old for environment variables, the
// value is put into the script's text between quotes, and braces make SSM substitute (R114).
const unsafeInPattern = "'\"`$\\{\n\r\x00\x1b"

// javaDiffers finds what Java, in which SSM matches, reads differently from RE2: classes in classes, named classes,
// intersections, Python's names of groups, \C, and flags.
var javaDiffers = regexp.MustCompile(`\[\^?\[|\[:|&&|\(\?P|\\C|\(\?[a-zA-Z-]*[UismxX]`)

// safePattern: anchored at both ends, the same in RE2 and Java, and without characters that could leave quotes.
func safePattern(pattern string) (problem, hint string) {
	const example = "for example ^[0-9a-z.-]{1,40}$"
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	switch {
	case err != nil:
		return "not a regular expression: " + err.Error(), example
	case javaDiffers.MatchString(pattern):
		return fmt.Sprintf("pattern %s means something else to SSM, which matches as Java does", quote(pattern)),
			"use plain classes, such as [A-Za-z0-9]"
	case !Anchored(parsed):
		return fmt.Sprintf("pattern %s is not anchored: it would let through anything that contains a match",
			quote(pattern)), "begin it with ^ and end it with $: ^(…)$"
	}
	if r, found := Admits(parsed, unsafeInPattern); found {
		return fmt.Sprintf("pattern %s allows %q, with which a value could become a command", quote(pattern),
			string(r)), example
	}
	return "", ""
}
