package topology

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
)

func (c *comparison) stores() {
	removed, added := match(c.older.Stores, c.newer.Stores, func(s StoreLock) string { return s.Name }, c.store)
	renamed := renames(removed, added)
	for _, s := range removed {
		c.removedStore(s, renamed[s.Name])
	}
	for _, s := range added {
		if s.Changelog == "" {
			c.notes(SubjectStore, s.Name, "is new: it starts empty")
			continue
		}
		c.notes(SubjectStore, s.Name, "is new: it starts empty, and where the application has run before, its "+
			"first start needs streams.Config.AllowNewStores")
	}
}

// renames are the stores of added that those of removed look renamed to, by name: of one kind and format, and if there
// is a choice, of the same inputs.
func renames(removed, added []StoreLock) map[string]string {
	alike := func(a, b StoreLock) bool { return a.Kind == b.Kind && a.Format == b.Format }
	fedAlike := func(a, b StoreLock) bool { return alike(a, b) && slices.Equal(a.Inputs, b.Inputs) }
	found, free := map[string]string{}, added
	for _, like := range []func(a, b StoreLock) bool{fedAlike, alike} {
		for _, s := range removed {
			if found[s.Name] != "" || s.volatile() {
				continue
			}
			var to *StoreLock
			if free, to = successor(free, func(a StoreLock) bool { return like(s, a) }); to != nil {
				found[s.Name] = to.Name
			}
		}
	}
	return found
}

func (c *comparison) removedStore(s StoreLock, renamed string) {
	left := "its rows"
	if s.Changelog != "" {
		left += " and its changelog topic " + s.Changelog
	}
	switch {
	case s.volatile():
		c.notes(SubjectStore, s.Name, "is gone: it kept nothing beyond the process")
	case renamed != "":
		c.breaks(SubjectStore, s.Name, "is gone, and looks renamed to %q, a new store of the same kind and format: "+
			"that one starts empty, and %s are orphaned; keep the name", renamed, left)
	default:
		c.breaks(SubjectStore, s.Name, "is gone: %s are orphaned; if nobody needs them, delete them once no older "+
			"version runs", left)
	}
}

// volatile stores keep nothing beyond the process.
func (s StoreLock) volatile() bool { return s.InMemory && s.Changelog == "" }

func (c *comparison) store(before, after StoreLock) {
	if !before.volatile() {
		c.format(before, after)
		c.details(before, after)
		c.changelog(before, after)
		c.place(before, after)
		c.retention(before, after)
		c.subTopology(before, after)
		c.inputs(before, after)
		return
	}
	switch {
	case after.Changelog != "":
		c.notes(SubjectStore, after.Name, "is now kept in the changelog topic %s: it starts empty, as before, and "+
			"where the application has run before, its first start needs streams.Config.AllowNewStores", after.Changelog)
	case c.detailed() && !reflect.DeepEqual(before, after):
		c.notes(SubjectStore, after.Name, "is declared otherwise: it kept nothing beyond the process")
	}
}

func (c *comparison) format(before, after StoreLock) {
	was, is := before.Format, after.Format
	if was == is {
		was, is = before.Kind, after.Kind
	}
	if was != is {
		c.breaks(SubjectStore, after.Name, "was %s and is %s: its rows and changelog records would be read as what "+
			"they are not; give the new format a store of a new name", was, is)
	}
}

// details are what locks of the first version do not have. Another format has been told already.
func (c *comparison) details(before, after StoreLock) {
	if !c.detailed() {
		return
	}
	if before.Kind == after.Kind {
		c.windows(before, after)
	}
	c.ttl(before, after)
	if before.Format == after.Format {
		s := shapes{subject: SubjectStore, name: after.Name, what: "keys", exact: true}
		c.types(s, before.KeyTypes, after.KeyTypes)
		s.what, s.exact = "values", false
		c.types(s, before.ValueTypes, after.ValueTypes)
	}
}

func (c *comparison) changelog(before, after StoreLock) {
	switch {
	case before.Changelog == after.Changelog:
	case after.Changelog == "":
		c.breaks(SubjectStore, after.Name, "has no changelog any more: its rows are lost with the state directory "+
			"or when the task moves, and the topic %s is orphaned; keep the changelog", before.Changelog)
	case before.Changelog == "":
		c.breaks(SubjectStore, after.Name, "has a changelog now: the topic %s starts empty, without the rows that "+
			"state directories hold, so they are lost; use a store of a new name", after.Changelog)
	default:
		c.breaks(SubjectStore, after.Name, "has the changelog topic %s in place of %s: what the old one holds is "+
			"orphaned; keep the topic", after.Changelog, before.Changelog)
	}
}

// place is memory or disk.
func (c *comparison) place(before, after StoreLock) {
	switch {
	case before.InMemory == after.InMemory:
	case after.volatile():
		c.breaks(SubjectStore, after.Name, "is now in memory without a changelog: its rows are lost when the "+
			"process ends; keep it on disk, or give it a changelog")
	case after.InMemory:
		c.notes(SubjectStore, after.Name, "is now in memory: each start restores all of its rows from the changelog")
	default:
		c.notes(SubjectStore, after.Name, "is now on disk: only its first start there restores all of its rows")
	}
}

func (c *comparison) retention(before, after StoreLock) {
	if before.Kind != after.Kind {
		return
	}
	was, is := time.Duration(before.RetentionMs)*time.Millisecond, time.Duration(after.RetentionMs)*time.Millisecond
	switch {
	case is < was:
		c.breaks(SubjectStore, after.Name, "keeps windows for %v in place of %v: older ones are deleted when it "+
			"starts; if queries or late records may still need them, keep the retention with Retain", is, was)
	case is > was:
		c.notes(SubjectStore, after.Name, "keeps windows for %v in place of %v: those that have expired do not "+
			"come back, and an existing changelog topic needs a retention.ms of at least %d", is, was, after.RetentionMs)
	}
}

func (c *comparison) subTopology(before, after StoreLock) {
	switch {
	case before.SubTopology == after.SubTopology:
	case after.Changelog == "":
		c.breaks(SubjectStore, after.Name, "is in sub-topology %d in place of %d: its rows lie in the directories "+
			"of the old tasks, and there is no changelog to restore them from; add the new steps behind the others, "+
			"so that numbers stay", after.SubTopology, before.SubTopology)
	default:
		c.notes(SubjectStore, after.Name, "is in sub-topology %d in place of %d: stores are found by their names, "+
			"and the first start restores this one from its changelog", after.SubTopology, before.SubTopology)
	}
}

// inputs looks at what decides which partition a row lies in. While one of the topics stays, so do the rows that it
// finds: topics that reach a store together have their keys split alike, or the store would be wrong already.
func (c *comparison) inputs(before, after StoreLock) {
	gone, come := without(before.Inputs, after.Inputs), without(after.Inputs, before.Inputs)
	switch {
	case len(gone) > 0 && (len(come) > 0 || len(after.Inputs) == 0):
		c.breaks(SubjectStore, after.Name, "was fed by %s and is fed by %s: its rows lie where the keys of the old "+
			"topics led them, and the new ones may look in other partitions; keep the topics, or use a store of a new "+
			"name", list(before.Inputs), list(after.Inputs))
	case len(come) > 0:
		c.notes(SubjectStore, after.Name, "is fed by %s too: that topic must not have more partitions than %s, as "+
			"the changelog has as many as the largest", list(come), list(before.Inputs))
	case len(gone) > 0:
		c.notes(SubjectStore, after.Name, "is no longer fed by %s: rows stay where they are if the topics left have as "+
			"many partitions, as the changelog has", list(gone))
	}
}

func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(others, n) })
}

func list(names []string) string { return cmp.Or(strings.Join(names, ", "), "none") }

func (c *comparison) repartitions() {
	name := func(r RepartitionLock) string { return r.Name }
	removed, added := match(c.older.Repartitions, c.newer.Repartitions, name, c.repartition)
	free := added
	for _, r := range removed {
		var renamed *RepartitionLock
		free, renamed = successor(free, func(a RepartitionLock) bool { return a.Key == r.Key && a.Value == r.Value })
		if renamed != nil {
			c.breaks(SubjectRepartition, r.Name, "is gone, and looks renamed to %q: records that are still in the old "+
				"one are never processed; keep the name", renamed.Name)
			continue
		}
		c.breaks(SubjectRepartition, r.Name, "is gone: records that are still in it are never processed; stop the "+
			"input and let the older version catch up before it is replaced")
	}
	for _, r := range added {
		c.notes(SubjectRepartition, r.Name, "is new: the application creates it")
	}
}

func (c *comparison) repartition(before, after RepartitionLock) {
	if before.Key != after.Key || before.Value != after.Value {
		c.breaks(SubjectRepartition, after.Name, "was %s/%s and is %s/%s: records that are still in it would be "+
			"read as what they are not, and keys of another format lead to other partitions; give the new format a "+
			"topic of a new name", before.Key, before.Value, after.Key, after.Value)
	}
	if s := (shapes{subject: SubjectRepartition, name: after.Name}); c.detailed() {
		if s.what, s.exact = "keys", true; before.Key == after.Key {
			c.types(s, before.KeyTypes, after.KeyTypes)
		}
		if s.what, s.exact = "values", false; before.Value == after.Value {
			c.types(s, before.ValueTypes, after.ValueTypes)
		}
	}
	if c.detailed() && before.Partitioner != after.Partitioner {
		c.breaks(SubjectRepartition, after.Name, "is split by %s in place of %s: the rows behind it lie where the old way "+
			"led their keys, and the new one looks in other partitions; keep it, or use stores and a topic of new names",
			splitting(after), splitting(before))
	}
	if before.Partitions != after.Partitions {
		c.breaks(SubjectRepartition, after.Name, "has %s in place of %s: the topic and the state behind it are "+
			"split by the old number; keep it, or start anew under another application id",
			partitions(after), partitions(before))
	}
}

func splitting(r RepartitionLock) string {
	if r.Partitioner {
		return "a Partitioner"
	}
	return "the hash of its keys"
}

func partitions(r RepartitionLock) string {
	switch r.Partitions {
	case 0:
		return "as many partitions as its largest source"
	case 1:
		return "1 partition"
	}
	return strconv.Itoa(int(r.Partitions)) + " partitions"
}

func (c *comparison) sources() {
	removed, added := match(c.older.Sources, c.newer.Sources, func(s SourceLock) string { return s.Name }, c.source)
	for _, s := range removed {
		c.notes(SubjectSource, s.Name, "is not read any more: its committed offsets expire")
	}
	for _, s := range added {
		exist := "it must exist, and is"
		if strings.HasPrefix(s.Name, graph.AnyOf) {
			exist = "topics that match are"
		}
		c.notes(SubjectSource, s.Name, "is new: %s read from %s", exist, beginning(s.Reset))
	}
}

func (c *comparison) source(before, after SourceLock) {
	stores := append(c.older.fedBy(after.Name), without(c.newer.fedBy(after.Name), c.older.fedBy(after.Name))...)
	switch {
	case before.Key == after.Key:
	case len(stores) > 0:
		c.breaks(SubjectSource, after.Name, "has keys of format %s in place of %s: the rows of %s are stored and "+
			"split by the old ones; read a topic of a new name into stores of new names",
			after.Key, before.Key, list(stores))
	default:
		c.notes(SubjectSource, after.Name, "has keys of format %s in place of %s: records that are in the topic "+
			"must decode", after.Key, before.Key)
	}
	if before.Value != after.Value {
		c.notes(SubjectSource, after.Name, "has values of format %s in place of %s: records that are in the topic "+
			"must decode", after.Value, before.Value)
	}
	if s := (shapes{subject: SubjectSource, name: after.Name}); c.detailed() {
		if s.what, s.exact, s.notes = "keys", true, len(stores) == 0; before.Key == after.Key {
			c.types(s, before.KeyTypes, after.KeyTypes)
		}
		if s.what, s.exact, s.notes = "values", false, true; before.Value == after.Value {
			c.types(s, before.ValueTypes, after.ValueTypes)
		}
	}
	if before.Reset != after.Reset {
		c.notes(SubjectSource, after.Name, "is read from %s in place of %s where the group has no committed offset",
			beginning(after.Reset), beginning(before.Reset))
	}
}

// beginning is where a topic is read from, in words.
func beginning(reset string) string {
	past, isPast := strings.CutPrefix(reset, graph.Past.String()+" ")
	switch {
	case isPast:
		return "the records of the last " + past
	case reset == graph.Committed.String():
		return "committed offsets only"
	}
	return "the " + reset + " record"
}

// fedBy are the stores that a topic feeds.
func (l Lock) fedBy(topic string) (stores []string) {
	for _, s := range l.Stores {
		if slices.Contains(s.Inputs, topic) {
			stores = append(stores, s.Name)
		}
	}
	return stores
}
