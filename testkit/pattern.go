package testkit

import (
	"maps"
	"slices"
)

// lay puts the topics that are there in place of the topology's patterns: those that have records, and those that
// PartitionsOf names.
func (d *Driver) lay() error {
	topo := d.base
	if topo.HasPatterns() {
		d.matched = d.matching()
		var err error
		if topo, err = topo.Expand(d.matched); err != nil {
			return err
		}
	}
	external := map[string]int32{}
	sources, _ := topo.ExternalTopics()
	for _, name := range sources {
		external[name] = d.externalPartitions(name)
	}
	for name, n := range d.internal {
		external[name] = n
	}
	counts, err := topo.Partitions(external)
	if err == nil {
		err = d.checkKept(topo, counts)
	}
	if err != nil {
		return err
	}
	d.topo, d.counts, d.sources = topo, counts, topo.SourceTopics()
	return nil
}

// matching are the topics that are there and match.
func (d *Driver) matching() []string {
	names := slices.Concat(slices.Collect(maps.Keys(d.byTopic)), slices.Collect(maps.Keys(d.options.byTopic)))
	names = slices.DeleteFunc(names, func(name string) bool { return d.externalPartitions(name) == 0 })
	return d.base.Matching(names)
}

// discover begins anew with other topics, as a worker does, if more match now. It commits before.
func (d *Driver) discover() (found bool) {
	if d.err != nil || !d.base.HasPatterns() || slices.Equal(d.matched, d.matching()) {
		return false
	}
	d.commit()
	if d.err != nil {
		return false
	}
	for _, step := range []func() error{d.stop, d.lay, d.open} {
		if err := step(); err != nil {
			d.fail(err)
			return false
		}
	}
	d.run()
	return true
}
