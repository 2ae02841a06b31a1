package localaws

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
)

// TestExtractStaysInside: what an archive puts behind a link that leads out of the directory is not made.
func TestExtractStaysInside(t *testing.T) {
	t.Parallel()
	for kind, entry := range map[string]tar.Header{
		"a file":          {Typeflag: tar.TypeReg},
		"a directory":     {Typeflag: tar.TypeDir},
		"a link":          {Typeflag: tar.TypeSymlink, Linkname: "x"},
		"what is deleted": {Typeflag: tar.TypeChar},
	} {
		outside, inside := t.TempDir(), t.TempDir()
		var b bytes.Buffer
		zip := gzip.NewWriter(&b)
		w := tar.NewWriter(zip)
		entry.Name, entry.Mode = "nodes/i-1/home/way/made", 0o700
		for _, h := range []tar.Header{{Typeflag: tar.TypeReg, Name: manifestName}, {Typeflag: tar.TypeDir, Name: "nodes/i-1/home", Mode: 0o700}, {Typeflag: tar.TypeSymlink, Name: "nodes/i-1/home/way", Linkname: outside}, entry} {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		err := extract(&b, inside, func([]byte) error { return nil })
		if _, statErr := os.Lstat(filepath.Join(outside, "made")); statErr == nil || err == nil {
			t.Errorf("%s: made outside: %t; %v", kind, statErr == nil, err)
		}
	}
}
