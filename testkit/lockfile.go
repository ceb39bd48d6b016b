package testkit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millstream-go/millstream/topology"
)

// updateLock is the environment variable that makes AssertTopology write what it would compare with.
const updateLock = "MILLSTREAM_UPDATE"

// AssertTopology fails the test when a topology is not the one of a lock file, which is committed with the code: what
// the running version has left in brokers and state directories. The message tells what a deployment would break, and
// what would merely change; see topology.Lock.Compare.
//
// With MILLSTREAM_UPDATE=1 in the environment it writes the file, and its directories, in place of comparing. Do so for
// a new topology, and for changes that are meant: the file then shows them to whoever reviews the code.
//
// What is recorded beside names and formats: the windows of each store, and the Go types of keys and values with their
// fields as encoded, so that an edit of a struct is seen; topology.Lock.Compare says which edits break. A file of an
// older release does not have them: the test fails once, says so, and MILLSTREAM_UPDATE=1 records them.
//
// path is relative to the directory of the test's package. The application id is the topology's; one that is deployed
// under others has a file for each if they matter, see topology.Topology.WithApp.
func AssertTopology(tb testing.TB, topo *topology.Topology, path string) {
	tb.Helper()
	if os.Getenv(updateLock) == "1" {
		if err := writeLock(topo.Lock(), path); err != nil {
			tb.Error(err)
		}
		return
	}
	committed, err := readLock(path)
	if errors.Is(err, fs.ErrNotExist) {
		tb.Errorf("there is no lock file %s yet: run the test with %s=1 to write it, and commit it", path, updateLock)
		return
	}
	if err != nil {
		tb.Error(err)
		return
	}
	if message := pending(committed.Compare(topo.Lock()), path); message != "" {
		tb.Error(message)
	}
}

// pending is what the test says of changes, empty if there are none.
func pending(changes []topology.LockChange, path string) string {
	bySeverity := map[topology.Severity]string{}
	for _, c := range changes {
		bySeverity[c.Severity] += "\n  - " + c.String()
	}
	breaks, notes := bySeverity[topology.Breaks], bySeverity[topology.Notes]
	var b strings.Builder
	switch {
	case breaks != "":
		fmt.Fprintf(&b, "deploying this topology breaks state that the one in %s has left:%s", path, breaks)
		if notes != "" {
			fmt.Fprintf(&b, "\nit also changes, without harm:%s", notes)
		}
		fmt.Fprintf(&b, "\nif all of this is meant, run the test with %s=1 and commit the file", updateLock)
	case notes != "":
		fmt.Fprintf(&b, "this topology differs from the one in %s, without harm to its state:%s\n"+
			"run the test with %s=1 and commit the file", path, notes, updateLock)
	}
	return b.String()
}

func readLock(path string) (topology.Lock, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return topology.Lock{}, err
	}
	l, err := topology.ParseLock(text)
	if err != nil {
		return l, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func writeLock(l topology.Lock, path string) error {
	text, err := l.JSON()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
