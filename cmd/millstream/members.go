package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// membersCmd shows who is in a group.
type membersCmd struct {
	App string `arg:"" help:"Application id, or a consumer group."`
}

// member is a worker of an application.
type member struct {
	Name       string   `json:"name"` // instance id; without one, the member id
	Client     string   `json:"client"`
	Host       string   `json:"host"`
	Partitions []string `json:"partitions"`
}

func (m member) columns() []any { return []any{m.Name, m.Host, strings.Join(m.Partitions, " ")} }

// Run prints a line for each member.
func (c *membersCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	ctx, admin, end, err := cl.admin(ctx)
	if err != nil {
		return err
	}
	defer end()
	group, err := describe(ctx, admin, c.App)
	if err != nil {
		return err
	}
	var members []member
	for _, m := range group.Members {
		members = append(members, memberOf(m))
	}
	p.line("group %s is %s", c.App, group.State)
	return table(p, "MEMBER\tHOST\tPARTITIONS", members)
}

func memberOf(m kadm.DescribedGroupMember) member {
	out := member{Name: m.MemberID, Client: m.ClientID, Host: m.ClientHost, Partitions: []string{}}
	if m.InstanceID != nil {
		out.Name = *m.InstanceID
	}
	if a, ok := m.Assigned.AsConsumer(); ok {
		for _, t := range a.Topics {
			for _, partition := range t.Partitions {
				out.Partitions = append(out.Partitions, fmt.Sprintf("%s/%d", t.Topic, partition))
			}
		}
	}
	slices.Sort(out.Partitions)
	return out
}

func describe(ctx context.Context, admin *kadm.Client, name string) (kadm.DescribedGroup, error) {
	groups, err := admin.DescribeGroups(ctx, name)
	if err != nil {
		return kadm.DescribedGroup{}, fmt.Errorf("group %s: %w", name, err)
	}
	group := groups[name]
	if errors.Is(group.Err, kerr.GroupIDNotFound) { // before Kafka 4.0 such a group is dead
		group.State, group.Err = "Dead", nil
	}
	if group.Err != nil {
		return group, fmt.Errorf("group %s: %w", name, group.Err)
	}
	return group, nil
}
