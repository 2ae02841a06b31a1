//go:build !linux

package node

import (
	"fmt"
	"net"
	"os"
	"runtime"
)

// Enclosure is a sandbox with namespaces of the network and of names as well, which only Linux has.
type Enclosure struct{ Ports []*os.File }

// Enclose fails.
func Enclose(EnclosureConfig) (*Enclosure, error) {
	return nil, fmt.Errorf("%w: it takes Linux, and this is %s", ErrNoEnclosure, runtime.GOOS)
}

// Limits is empty.
func (e *Enclosure) Limits() string { return "" }

// Wait fails.
func (e *Enclosure) Wait() error { return ErrNoEnclosure }

// Close does nothing.
func (e *Enclosure) Close() error { return net.ErrClosed }
