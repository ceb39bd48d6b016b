package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/topology"
)

// topicsListCmd lists internal topics.
type topicsListCmd struct {
	App  string `arg:"" help:"Application id."`
	Lock string `type:"existingfile" help:"Lock file of the application: tells which topics belong to nothing."`
}

// internalTopic is a topic that an application made for itself.
type internalTopic struct {
	Topic      string `json:"topic"`
	Kind       string `json:"kind"` // changelog or repartition
	Partitions int    `json:"partitions"`
	Note       string `json:"note,omitempty"`
}

func (t internalTopic) columns() []any { return []any{t.Topic, t.Kind, t.Partitions, t.Note} }

// Run prints a line for each topic. If one belongs to nothing, or is missing, the command declines.
func (c *topicsListCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	ctx, admin, end, err := cl.admin(ctx)
	if err != nil {
		return err
	}
	defer end()
	found, err := internalTopics(ctx, admin, c.App)
	if err != nil {
		return err
	}
	var lock topology.Lock
	wrong := 0
	if c.Lock != "" {
		if lock, err = readLock(c.Lock); err != nil {
			return err
		}
		found, wrong = compare(found, lock)
	}
	if err := table(p, "TOPIC\tKIND\tPARTITIONS\t", found); err != nil {
		return err
	}
	if wrong > 0 {
		return &declinedError{fmt.Sprintf("%d topics are missing, or belong to nothing in %s", wrong, c.Lock)}
	}
	return nil
}

// internalTopics are those whose names are the application's, sorted. Those of another application whose id begins with
// this one's and a hyphen look like it: they are left out, as long as the cluster knows its group.
func internalTopics(ctx context.Context, admin *kadm.Client, app string) (found []internalTopic, err error) {
	all, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("topics: %w", err)
	}
	groups, err := admin.ListGroups(ctx)
	if err != nil {
		return nil, fmt.Errorf("groups: %w", err)
	}
	for _, t := range all.Sorted() {
		kind := kindOf(app, t.Topic)
		if kind != "" && !slices.ContainsFunc(groups.Groups(), func(other string) bool {
			return strings.HasPrefix(other, app+"-") && kindOf(other, t.Topic) != ""
		}) {
			found = append(found, internalTopic{Topic: t.Topic, Kind: kind, Partitions: len(t.Partitions)})
		}
	}
	return found, nil
}

// kindOf is what an internal topic of an application is, by its name; empty for other topics.
func kindOf(app, topic string) string {
	own, ok := strings.CutPrefix(topic, app+"-")
	switch {
	case !ok:
		return ""
	case strings.HasSuffix(own, "-changelog"):
		return "changelog"
	case strings.HasSuffix(own, "-repartition"), strings.HasSuffix(own, "-subscription-registration-topic"),
		strings.HasSuffix(own, "-subscription-response-topic"):
		return "repartition"
	}
	return ""
}

// wanted are the internal topics of a lock file, with their kinds.
func wanted(lock topology.Lock) map[string]string {
	topics := map[string]string{}
	for _, s := range lock.Stores {
		if s.Changelog != "" {
			topics[s.Changelog] = "changelog"
		}
	}
	for _, r := range lock.Repartitions {
		topics[r.Name] = "repartition"
	}
	return topics
}

// compare notes which topics a topology does not have, and adds those that it misses.
func compare(found []internalTopic, lock topology.Lock) (_ []internalTopic, wrong int) {
	missing := wanted(lock)
	for i := range found {
		if missing[found[i].Topic] == "" {
			found[i].Note = "belongs to nothing: its store or step was removed, or renamed"
			wrong++
		}
		delete(missing, found[i].Topic)
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		found = append(found, internalTopic{Topic: name, Kind: missing[name], Note: "is not there: made at the next start"})
		wrong++
	}
	return found, wrong
}
