package inspect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/millstream-go/millstream/internal/graph"
)

const (
	mostElsewhere = 256             // partitions that are asked for a key
	elsewhereAt   = 8               // of them at a time
	elsewhereWait = 3 * time.Second // for all of them
)

// elsewhere is what was found of a key in other partitions than the one into which the default partitioner puts it.
type elsewhere struct {
	Home       int32 // where the key should be
	Partitions int   // that there are; 0: not known
	Asked      int   // of them
	Found      []StoreRows
	Errors     []string
}

// lookElsewhere looks for a key in all partitions of a store but the one that was asked.
func (p *page) lookElsewhere(r *http.Request, name string, q url.Values, home *StoreRows, v shownPage) *elsewhere {
	out := &elsewhere{Home: *home.Partition, Partitions: p.partitionsOf(name, v)}
	ctx, cancel := context.WithTimeout(r.Context(), elsewhereWait)
	defer cancel()
	asked := min(out.Partitions, mostElsewhere)
	answers, failures := make([]*StoreRows, asked), make([]string, asked)
	var wait sync.WaitGroup
	turns := make(chan struct{}, elsewhereAt)
	for n := range asked {
		if n == int(out.Home) {
			continue
		}
		turns <- struct{}{}
		wait.Go(func() { // until the answer is there, or the time is over
			answers[n], failures[n] = p.lookUp(r.WithContext(ctx), name, withValue(q, "partition", fmt.Sprint(n)))
			<-turns
		})
	}
	wait.Wait()
	for n := range asked {
		switch {
		case failures[n] != "":
			out.Errors = append(out.Errors, fmt.Sprintf("partition %d: %s", n, failures[n]))
			continue
		case answers[n] != nil && len(answers[n].Rows) > 0:
			out.Found = append(out.Found, *answers[n])
		}
		out.Asked++
	}
	return out
}

// partitionsOf is how many tasks keep a store, as far as this process and its peers tell; 0: that is not known.
func (p *page) partitionsOf(store string, v shownPage) (n int) {
	sub := subOf(p.topo, store)
	if sub == nil {
		return 0
	}
	count := func(task string) {
		if part, partition := taskID(task); part == sub.ID {
			n = max(n, partition+1)
		}
	}
	for _, t := range v.S.Tasks {
		count(t.Task)
	}
	for _, peer := range v.Peers.All {
		for _, t := range peer.Tasks {
			count(t)
		}
	}
	for _, t := range v.Peers.Unowned {
		count(t)
	}
	return n
}

// taskID are the numbers in the name of a task, -1 if it has none.
func taskID(task string) (sub, partition int) {
	if n, err := fmt.Sscanf(task, "%d_%d", &sub, &partition); n != 2 || err != nil {
		return -1, -1
	}
	return sub, partition
}

// subOf is the sub-topology that keeps a store, nil if there is none with tasks.
func subOf(topo *graph.Topology, store string) *graph.Sub {
	if topo == nil {
		return nil
	}
	for _, sub := range topo.Subs() {
		for _, s := range sub.Stores {
			if s.Name() == store {
				return sub
			}
		}
	}
	return nil
}

// Text says where the key is.
func (e *elsewhere) Text() string {
	if len(e.Found) == 0 {
		text := fmt.Sprintf("The default partitioner puts this key into partition %d.", e.Home)
		switch {
		case e.Partitions == 0:
			return text + " If its producer partitions in another way, another one may have it."
		case e.Asked < e.Partitions:
			return text + fmt.Sprintf(" %d of %d partitions answered: another one may have it.", e.Asked, e.Partitions)
		}
		return text + fmt.Sprintf(" All %d partitions were asked.", e.Partitions)
	}
	var where []string
	for _, rows := range e.Found {
		where = append(where, fmt.Sprintf("partition %d", *rows.Partition))
	}
	has := "has"
	if len(where) > 1 {
		has = "have"
	}
	return fmt.Sprintf("%s %s it, and the default partitioner puts this key into partition %d: who writes the topic "+
		"partitions in another way. Look-ups by key and joins with topics that are partitioned by default miss it.",
		strings.Join(where, " and "), has, e.Home)
}
