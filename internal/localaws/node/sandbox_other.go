//go:build !linux

package node

import (
	"errors"
	"os"
)

// holder exists on Linux only.
type holder struct{ limits []string }

func newHolder(*Config, []guard) (*holder, error) {
	return nil, errors.New("mount namespaces need Linux")
}

func (*holder) spawn(request, *os.File, *os.File) (process, error) {
	return process{}, errors.New("mount namespaces need Linux")
}

// Close does nothing.
func (*holder) Close() error { return nil }

// MaybeInit must be the first thing in main. It does its work on Linux.
func MaybeInit() {}
