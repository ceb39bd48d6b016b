package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millstream-go/millstream/internal/spelling"
	"github.com/millstream-go/millstream/topology"
)

// check is an error if a job cannot be tried, for all reasons at once.
func (j *Job) check() error {
	errs := []error{j.checkFaults(), j.checkTopology("Topology", j.Topology)}
	if j.Upgrade != nil {
		errs = append(errs, j.checkTopology("Upgrade", j.Upgrade))
	}
	if j.Instances < 0 {
		errs = append(errs, fmt.Errorf("cluster: Job.Instances is %d: must be 1 or more", j.Instances))
	}
	return errors.Join(errs...)
}

// checkFaults wants kinds that there are: another name would be a fault that never comes.
func (j *Job) checkFaults() error {
	var errs []error
	for _, name := range j.Faults {
		if slices.Contains(Kinds(), name) {
			continue
		}
		meant := ""
		if near := spelling.Closest(name, Kinds()); near != "" {
			meant = fmt.Sprintf("did you mean %q? ", near)
		}
		errs = append(errs, fmt.Errorf("cluster: there is no kind of faults %q: %sthere are %s",
			name, meant, strings.Join(Kinds(), ", ")))
	}
	return errors.Join(errs...)
}

// checkTopology wants the topics of a topology to be those of the job: no others are created.
func (j *Job) checkTopology(field string, build func() (*topology.Topology, error)) error {
	if build == nil {
		return fmt.Errorf("cluster: Job.%s is nil: a function that builds one is needed", field)
	}
	topo, err := build()
	if err != nil {
		return fmt.Errorf("cluster: Job.%s: %w", field, err)
	}
	var errs []error
	missing := func(topics []string, does, list string) {
		for _, name := range topics {
			if !j.has(name) {
				errs = append(errs, fmt.Errorf("cluster: Job.%s %s topic %q, which is in neither Inputs nor Outputs: add it to %s",
					field, does, name, list))
			}
		}
	}
	sources, sinks := topo.ExternalTopics()
	missing(sources, "reads", "Inputs, with its records or none")
	missing(sinks, "writes", "Outputs")
	return errors.Join(errs...)
}

func (j *Job) has(topic string) bool {
	return slices.ContainsFunc(j.Inputs, func(in Input) bool { return in.topic == topic }) ||
		slices.ContainsFunc(j.Outputs, func(out Output) bool { return out.topic == topic })
}
