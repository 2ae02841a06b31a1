//go:build !linux

package node

// Processes lists the processes of the nodes with a marker, on Linux.
func Processes(string) ([]Process, error) { return nil, ErrUnsupported }

func signal(int, bool) error { return ErrUnsupported }
