package cli

import "runtime/debug"

// serverGCPercent has the garbage collector of a process that serves run half as often as usual: most of what a request
// allocates is gone with it, and what lives is small.
const serverGCPercent = 200

// preferSpeed applies serverGCPercent, unless the environment says otherwise.
func preferSpeed(process *Process) {
	if process.Getenv("GOGC") == "" {
		debug.SetGCPercent(serverGCPercent)
	}
}
