package topology

import (
	"cmp"
	"time"

	"github.com/millstream-go/millstream/internal/storage"
)

// windows looks at what the rows of windows depend on. A start, or start and end, is all that a row has: under another
// definition it is that of another window. An older lock without an entry is of a store that no windows were kept in.
func (c *comparison) windows(before, after StoreLock) {
	was, is := time.Duration(before.GraceMs)*time.Millisecond, time.Duration(after.GraceMs)*time.Millisecond
	switch {
	case before.Windows != after.Windows:
		c.breaks(SubjectStore, after.Name, "held windows of %s and is to hold windows of %s: its rows would be taken for "+
			"windows that they are not, and results come out for windows that never were; use a store of a new name",
			cmp.Or(before.Windows, "none"), cmp.Or(after.Windows, "none"))
	case is > was && (before.Kind == string(storage.KindWindow) || before.Kind == string(storage.KindSession)):
		c.breaks(SubjectStore, after.Name, "has a grace period of %v in place of %v: windows that have closed within the "+
			"difference open again, so that final results may come twice, and of rows that have expired; keep the grace "+
			"period, or use a store of a new name", is, was)
	case is != was:
		c.notes(SubjectStore, after.Name, "has a grace period of %v in place of %v: that holds from the first start on, "+
			"for the records that come then", is, was)
	}
}

// ttl looks at the time to live of rows.
func (c *comparison) ttl(before, after StoreLock) {
	was, is := time.Duration(before.TTLMs)*time.Millisecond, time.Duration(after.TTLMs)*time.Millisecond
	switch {
	case is == was:
	case is > 0 && (was == 0 || is < was):
		c.breaks(SubjectStore, after.Name, "has rows that live for %v in place of %s: older ones are deleted when it "+
			"starts; keep the time to live if they may still be needed", is, lifetime(was))
	default:
		c.notes(SubjectStore, after.Name, "has rows that live for %s in place of %v: those that are over do not come back",
			lifetime(is), was)
	}
}

func lifetime(d time.Duration) string {
	if d == 0 {
		return "ever"
	}
	return d.String()
}
