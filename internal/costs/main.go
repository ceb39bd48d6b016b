package main

import (
	"fmt"
	"os"
)

const page = "docs/costs.md"

func main() {
	t, err := read(os.Stdin)
	if err == nil {
		err = os.WriteFile(page, t.markdown(), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "costs:", err)
		os.Exit(1)
	}
}
