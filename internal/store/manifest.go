package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// checkManifest looks for damage that Pebble takes for the end of the manifest, the list of changes to the set of
// tables. After a flipped bit or a cut it would forget the tables listed behind, delete them, and replay a newer log
// onto the rest: rows would be missing in the middle, with offsets that tell they are there.
//
// What a machine that died while it wrote the last entry leaves looks the same. That costs a restore, which is cheaper
// than a guess. A cut exactly between two entries is not found: what is left is a whole manifest. The caller holds the
// lock of the directory.
func checkManifest(files vfs.FS, dir string) error {
	names, err := files.List(dir)
	if err != nil {
		return err
	}
	database, err := pebble.Peek(dir, files)
	if err != nil {
		return err // openError tells what it is
	}
	if !database.Exists { // a log is made after the manifest, and a table after the log
		for _, name := range names {
			if strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".sst") {
				return fmt.Errorf("%w: database %s: %s, but no manifest", ErrCorrupt, dir, name)
			}
		}
		return nil
	}
	err = readManifest(files, database.ManifestFilename)
	if errors.Is(err, errManifest) || errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: database %s: %w", ErrCorrupt, dir, err)
	}
	if err != nil {
		return fmt.Errorf("store: database %s: %w", dir, err)
	}
	return nil
}

var errManifest = errors.New("damaged manifest")

// readManifest reads all entries, which have checksums.
func readManifest(files vfs.FS, manifest string) error {
	f, err := files.Open(manifest)
	if err != nil {
		return err
	}
	defer f.Close()
	for entries := record.NewReader(f, 0); ; {
		entry, err := entries.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			_, err = io.Copy(io.Discard, entry)
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", errManifest, manifest, err)
		}
	}
}
