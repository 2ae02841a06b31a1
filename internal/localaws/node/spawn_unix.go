//go:build unix

package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// spawnHere starts a process without a sandbox, in a process group of its own.
func spawnHere(r request, stdout, stderr *os.File) (process, error) {
	p, wait, err := start(r, stdout, stderr)
	if err != nil {
		return process{}, err
	}
	done := make(chan ended, 1)
	go func() { done <- wait() }()
	return process{done: done, group: func() error { return killGroup(p) }}, nil
}

// start is what both the sandbox's helper and spawnHere do.
func start(r request, stdout, stderr *os.File) (pid int, wait func() ended, err error) {
	path, err := lookup(r.Argv[0], r.Env)
	if err != nil {
		return 0, nil, err
	}
	cmd := &exec.Cmd{
		Path: path, Args: r.Argv, Dir: r.Dir, Env: r.Env, Stdout: stdout, Stderr: stderr,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	return cmd.Process.Pid, func() ended {
		err := cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return ended{err: fmt.Errorf("wait for the script: %w", err)}
		}
		return ended{code: cmd.ProcessState.ExitCode(), how: cmd.ProcessState.String()}
	}, nil
}

// killGroup kills a process group; one that is gone already is no error.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
