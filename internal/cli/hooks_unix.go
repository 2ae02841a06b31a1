//go:build unix

package cli

import (
	"os/exec"
	"syscall"
)

// ownGroup lets a hook be ended with everything that it started: with SIGTERM first.
func ownGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
}

// killGroup ends what is left of a hook that was told to end. Where nothing is, there is nothing to do.
func killGroup(command *exec.Cmd) {
	if command.Process != nil {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	}
}
