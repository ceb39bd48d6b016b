package topology

import "fmt"

// Subject is what a LockChange is about.
type Subject string

const (
	SubjectApp         Subject = "application id"
	SubjectStore       Subject = "store"
	SubjectRepartition Subject = "repartition topic"
	SubjectSource      Subject = "source topic"
	SubjectGlobal      Subject = "global table"
	SubjectLock        Subject = "lock file of"
)

// Severity says what becomes of existing state.
type Severity int

const (
	// Notes: state is kept; the sentence may name a condition, or a setting that the next start needs.
	Notes Severity = iota
	// Breaks: state, or records on their way, would be orphaned, lost, or read as what they are not.
	Breaks
)

// String is notes or breaks.
func (s Severity) String() string { return [...]string{"notes", "breaks"}[s] }

// LockChange is one difference between two locks.
type LockChange struct {
	Subject  Subject
	Name     string // of the subject, in the older lock if it is there
	Severity Severity
	Text     string // a sentence: what changed, why it matters, what to do
}

// String is the sentence, with the subject.
func (c LockChange) String() string { return fmt.Sprintf("%s %q %s", c.Subject, c.Name, c.Text) }

// Compare tells what a deployment of newer does to the state that older has left: stores first, then repartition
// topics, then source topics, then global tables. Locks that differ have at least one change. If the application id
// differs nothing else is compared, as under the new one nothing of the old state is found.
//
// What reinterprets rows breaks them: other windows, or a longer grace period of theirs; of values, a field that is
// gone or has another name or type; of keys, any change of fields. A new field of a value is noted, and so is a type of
// another name with the same fields. Of two locks of different versions, one does not record windows, types and times
// to live: they are not compared, which is noted once.
func (l Lock) Compare(newer Lock) []LockChange {
	older := l
	c := &comparison{older: older, newer: newer}
	if older.App != newer.App {
		c.breaks(SubjectApp, older.App, "is now %q: all state, internal topics and committed offsets are orphaned, and "+
			"the application starts from nothing; keep the id, or deploy the new one as another application", newer.App)
		return c.changes
	}
	if older.Version != newer.Version {
		c.notes(SubjectLock, older.App, "is of version %d, this release writes version %d: windows, types of keys and "+
			"values and times to live are not recorded in both, and not compared; look at the changes since the file was "+
			"written yourself, and write it anew", older.Version, newer.Version)
	}
	c.stores()
	c.repartitions()
	c.sources()
	c.globals()
	return c.changes
}

// detailed is true if both locks record windows, types and times to live.
func (c *comparison) detailed() bool { return c.older.Version == c.newer.Version }

type comparison struct {
	older, newer Lock
	changes      []LockChange
}

func (c *comparison) breaks(s Subject, name, format string, args ...any) {
	c.changes = append(c.changes, LockChange{s, name, Breaks, fmt.Sprintf(format, args...)})
}

func (c *comparison) notes(s Subject, name, format string, args ...any) {
	c.changes = append(c.changes, LockChange{s, name, Notes, fmt.Sprintf(format, args...)})
}

// match pairs the elements of two lists by name. removed and added are those of one list only.
func match[T any](older, newer []T, name func(T) string, kept func(before, after T)) (removed, added []T) {
	before, after := map[string]T{}, map[string]T{}
	for _, o := range older {
		before[name(o)] = o
	}
	for _, n := range newer {
		after[name(n)] = n
		if _, ok := before[name(n)]; !ok {
			added = append(added, n)
		}
	}
	for _, o := range older {
		if n, ok := after[name(o)]; ok {
			kept(o, n)
		} else {
			removed = append(removed, o)
		}
	}
	return removed, added
}

// successor takes out of added what a removed element looks renamed to: the first that is like it, if there is one.
func successor[T any](added []T, like func(T) bool) (rest []T, found *T) {
	for i, a := range added {
		if like(a) {
			return append(added[:i:i], added[i+1:]...), &a
		}
	}
	return added, nil
}
