package release

import (
	"os/exec"
	"strings"
	"testing"
)

func TestNamesThatAShellOverwritesAreTaken(t *testing.T) {
	t.Parallel()
	for _, name := range strings.Fields(`RANDOM SRANDOM SECONDS LINENO OPTIND OPTARG OPTERR GROUPS DIRSTACK FUNCNAME
		EPOCHSECONDS EPOCHREALTIME PWD OLDPWD TMPDIR CDPATH HISTCMD PPID UID EUID SHLVL REPLY COLUMNS LINES IFS PS1 PS2
		PS4 BASHOPTS SHELLOPTS BASH BASHPID BASH_ENV ENV HOME PATH TMOUT POSIXLY_CORRECT SSM_x AWS_REGION LD_PRELOAD`) {
		if problem, hint := freeName(name); problem == "" || hint == "" {
			t.Errorf("%s is not taken", name)
		}
	}
	for _, name := range []string{"Version", "VERSION", "RANDOMLY", "Seconds", "PWDS", "BASHFUL", "EPOCH", "LINE", "OPT", "IMAGE", "SHELL"} {
		if problem, _ := freeName(name); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// TestNoFreeNameIsOverwrittenByBash asks the bash of this machine for its variables, and which of them it sets anew.
func TestNoFreeNameIsOverwrittenByBash(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("this machine has no bash")
	}
	list := exec.Command(bash, "-c", "compgen -v")
	list.Env = []string{}
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range append(strings.Fields(string(out)), "SRANDOM", "OPTARG", "OLDPWD", "RANDOM") {
		if name == "_" { // not a parameter's name anyway
			continue
		}
		cmd := exec.Command(bash, "-euc", "(exit 0) | :; printf %s \"${"+name+"-}\"")
		cmd.Env = []string{name + "=7v"}
		out, err := cmd.Output()
		if err == nil && string(out) == "7v" {
			continue
		}
		found++
		if problem, _ := freeName(name); problem == "" {
			t.Errorf("%s is free, and bash makes %q of 7v", name, out)
		}
	}
	if found < 10 {
		t.Errorf("only %d variables of bash's own found", found)
	}
}
