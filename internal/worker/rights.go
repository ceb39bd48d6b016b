package worker

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// RightsError means that Kafka does not let the application do something: somebody has to grant the right.
type RightsError struct {
	Operation string // as in kafka-acls --operation
	Resource  string // topic, group, transactional-id or cluster
	Name      string // of the resource; one that ends in * stands for all that begin so
	Err       error
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("the application's user has no right to %s %s %s: grant it, as with kafka-acls --add "+
		"--operation %s: %v", e.Operation, e.Resource, e.Name, e.Operation, e.Err)
}

func (e *RightsError) Unwrap() error { return e.Err }

// mayNot is an error that says which right is missing, if that is what it tells; else err as it is.
func mayNot(operation, resource, name string, err error) error {
	var known *RightsError
	if !isRights(err) || errors.As(err, &known) {
		return err
	}
	return &RightsError{Operation: operation, Resource: resource, Name: name, Err: err}
}

func isRights(err error) bool {
	return isAny(err, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed,
		kerr.TransactionalIDAuthorizationFailed, kerr.ClusterAuthorizationFailed)
}

// missingRight names the right that an application lacks where the answer itself tells of what: there is one group, and
// the transactional ids and the internal topics begin with the application's id.
func missingRight(app string, err error) error {
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return mayNot("Read", "group", app, err)
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return mayNot("Write", "transactional-id", app+"-*", err)
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return mayNot("IdempotentWrite", "cluster", "kafka-cluster", err)
	}
	return err
}
