package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-go/millstream/serde"
)

// starts are what a serde was started for.
type starts struct {
	sync.Mutex
	names   map[string]schemaName // by subject that is written
	fetched map[string]bool
}

// Start registers the schema under the subject of the topic, if values are written there, or finds it there; and
// fetches the schemas that the subject has. An error is a RefusedError, or an UnavailableError if the registry does not
// answer.
func (s *Serde[T]) Start(ctx context.Context, use serde.Use) error {
	if err := s.Err(); err != nil {
		return err
	}
	if use.Key && s.inHeaders {
		return errors.New("registry: InHeaders is for values: keys are partitioned and looked up by all of their bytes, " +
			"which have the id of their schema in front: leave it out there")
	}
	s.registry.use(ctx)
	s.starts.Lock()
	defer s.starts.Unlock()
	subject, err := s.subject(use, s.schema)
	if use.Write && s.schema.Text != "" {
		if err == nil {
			err = s.register(ctx, subject)
		}
		if err != nil {
			return err
		}
	}
	if err != nil || s.starts.fetched[subject] {
		return nil // who only reads needs no subject
	}
	if err := s.registry.fetch(ctx, subject); err != nil {
		return err
	}
	if s.starts.fetched == nil {
		s.starts.fetched = map[string]bool{}
	}
	s.starts.fetched[subject] = true
	return nil
}

// register gives the serde the name of its schema.
func (s *Serde[T]) register(ctx context.Context, subject string) error {
	if _, known := s.starts.names[subject]; known {
		return nil
	}
	id, err := s.registry.register(ctx, subject, s.schema, s.exists)
	name := schemaName{id: id}
	if err == nil && s.inHeaders {
		name, err = s.registry.guid(ctx, subject, s.schema)
	}
	if err != nil {
		return err
	}
	for other, otherName := range s.starts.names {
		if otherName != name {
			return fmt.Errorf("registry: one schema is %v under subject %s, and %v under %s: make a serde for each",
				name, subject, otherName, other)
		}
	}
	header, err := s.write(name)
	if err != nil {
		return fmt.Errorf("registry: subject %s: %v: %w", subject, name, err)
	}
	if s.starts.names == nil {
		s.starts.names = map[string]schemaName{}
	}
	s.starts.names[subject] = name
	s.header.Store(&header)
	return nil
}

// guid is the GUID of a schema that is registered.
func (r *Registry) guid(ctx context.Context, subject string, schema serde.Schema) (schemaName, error) {
	s, err := r.registered(ctx, schema, true)
	if err != nil {
		return schemaName{}, err
	}
	found, err := r.lookUp(ctx, subject, s)
	if err == nil && found.GUID == "" {
		err = fmt.Errorf("registry: subject %s: the registry tells no GUIDs of schemas, as Confluent's does since "+
			"version 8.0: leave out registry.InHeaders, which names schemas by their ids", subject)
	}
	return schemaName{guid: strings.ToLower(found.GUID)}, err
}

// register is the id of a schema under a subject, after those that it refers to. With exists they must be there.
func (r *Registry) register(ctx context.Context, subject string, schema serde.Schema, exists bool) (id int, err error) {
	s, err := r.registered(ctx, schema, exists)
	if err != nil {
		return 0, err
	}
	if exists {
		found, err := r.lookUp(ctx, subject, s)
		return found.ID, err
	}
	err = r.ask(ctx, "subject "+subject, func(ctx context.Context) (err error) {
		id, err = r.client.RegisterSchema(ctx, subject, s, -1, -1)
		return err
	})
	switch code(err) {
	case http.StatusConflict:
		err = &RefusedError{Subject: subject, Reason: r.why(ctx, subject, s, err), Err: err}
	case http.StatusUnprocessableEntity:
		err = &RefusedError{Subject: subject, Reason: err.Error(), Err: err}
	}
	return id, err
}

// lookUp finds a schema under a subject.
func (r *Registry) lookUp(ctx context.Context, subject string, s sr.Schema) (found sr.SubjectSchema, err error) {
	err = r.ask(ctx, "subject "+subject, func(ctx context.Context) (err error) {
		found, err = r.client.LookupSchema(ctx, subject, s)
		return err
	})
	if code(err) == http.StatusNotFound {
		err = &RefusedError{Subject: subject, Reason: "it is not there, and is not to be registered", Err: err}
	}
	return found, err
}

// registered is a schema as the registry knows it, once those that it refers to are there.
func (r *Registry) registered(ctx context.Context, schema serde.Schema, exists bool) (s sr.Schema, err error) {
	s.Schema = schema.Text
	if err := s.Type.UnmarshalText([]byte(schema.Type)); err != nil {
		return s, fmt.Errorf("registry: schema type %q: %w", schema.Type, err)
	}
	for _, ref := range schema.References {
		version, err := r.refer(ctx, ref, exists)
		if err != nil {
			return s, fmt.Errorf("reference %s: %w", ref.Name, err)
		}
		s.References = append(s.References, sr.SchemaReference{Name: ref.Name, Subject: ref.Subject, Version: version})
	}
	return s, nil
}

// refer is the version of a schema that others refer to.
func (r *Registry) refer(ctx context.Context, ref serde.Reference, exists bool) (version int, err error) {
	if _, err := r.register(ctx, ref.Subject, ref.Schema, exists); err != nil {
		return 0, err
	}
	s, err := r.registered(ctx, ref.Schema, exists)
	if err != nil {
		return 0, err
	}
	found, err := r.lookUp(ctx, ref.Subject, s)
	return found.Version, err
}

// why asks what is not compatible, as the answer to a schema that is refused may not tell.
func (r *Registry) why(ctx context.Context, subject string, s sr.Schema, refused error) string {
	result, err := r.client.CheckCompatibility(sr.WithParams(ctx, sr.Verbose), subject, -1, s)
	var answer *sr.ResponseError
	switch {
	case err == nil && len(result.Messages) > 0:
		return "it is not compatible: " + strings.Join(result.Messages, "; ")
	case errors.As(refused, &answer) && answer.Message != "":
		return answer.Message
	}
	return refused.Error()
}

// newest is how many versions of a subject are fetched at the start.
const newest = 50

// fetch remembers the newest schemas of a subject, if there is one, so that they are known when the registry is not
// there. What cannot be fetched is asked for when it is needed.
func (r *Registry) fetch(ctx context.Context, subject string) error {
	var versions []int
	err := r.ask(ctx, "subject "+subject, func(ctx context.Context) (err error) {
		versions, err = r.client.SubjectVersions(ctx, subject)
		return err
	})
	if final(err) {
		return nil // there is none, or it may not be listed
	}
	for _, v := range versions[max(0, len(versions)-newest):] {
		s, err := r.client.SchemaByVersion(ctx, subject, v)
		var whole serde.Schema
		if err == nil {
			whole, err = r.whole(ctx, s.Schema, 0)
		}
		if code(err) == 0 && err != nil || code(err) >= 500 {
			break // it went away: each of the others would wait for its answer, too
		}
		if err == nil {
			r.remember(schemaName{id: s.ID}, whole)
			if s.GUID != "" {
				r.remember(schemaName{guid: strings.ToLower(s.GUID)}, whole)
			}
		}
	}
	return err
}
