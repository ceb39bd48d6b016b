// Command run answers scenario files: go run ./internal/conformance/run IN_DIR OUT_DIR.
//
// Each scenario of IN_DIR, whose own answers are ignored, is written to OUT_DIR with the library's answers. A scenario
// that fails to build or run is reported and left out, and the exit status is 1.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millstream-go/millstream/internal/conformance"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: run IN_DIR OUT_DIR")
		os.Exit(2)
	}
	failed, err := answerAll(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

func answerAll(in, out string) (failed int, err error) {
	err = filepath.WalkDir(in, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
			return err
		}
		rel, err := filepath.Rel(in, path)
		if err != nil {
			return err
		}
		if err := answer(path, filepath.Join(out, rel)); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", rel, err)
			failed++
		}
		return nil
	})
	return failed, err
}

func answer(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	s, err := conformance.Load(from)
	if err != nil {
		return err
	}
	a, err := s.Run()
	if err != nil {
		return err
	}
	answered, err := conformance.Answered(content, a)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, answered, 0o644)
}
