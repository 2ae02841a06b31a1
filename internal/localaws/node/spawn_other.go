//go:build !unix

package node

import (
	"errors"
	"os"
)

// errNoShell says why a built-in node cannot run commands here.
var errNoShell = errors.New("run a script: a built-in node needs a Unix system")

func spawnHere(request, *os.File, *os.File) (process, error) { return process{}, errNoShell }

func killGroup(int) error { return errNoShell }
