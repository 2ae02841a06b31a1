//go:build !linux

package localaws

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"os"
)

func attributes(string, fs.FileInfo) (map[string]string, error) { return nil, nil }

func setAttributes(*os.Root, string, string, *tar.Header) error { return nil }

func special(_ *os.Root, name string, h *tar.Header) error {
	return fmt.Errorf("%s is of an unknown kind %q", name, h.Typeflag)
}
