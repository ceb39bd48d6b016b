package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-go/millstream/serde"
)

// Config says where a registry is.
type Config struct {
	// URLs are addresses of the registry. The default is http://localhost:8081.
	URLs []string
	// Client are further options of its client: certificates, users, contexts.
	Client []sr.ClientOpt
	// Wait is how long a registry that does not answer is waited for, at the start and for an id that is not known. The
	// default is 30 seconds; it must stay below the ten minutes for which the group waits for a member.
	Wait time.Duration
}

// Registry is a schema registry with what is known of it. Serdes share it.
type Registry struct {
	client *sr.Client
	wait   time.Duration
	err    error

	mu struct {
		sync.Mutex
		schemas map[schemaName]serde.Schema
		users   int // starts whose contexts have not ended
		life    context.Context
		end     context.CancelFunc
	}
}

// New is a registry. Nothing is asked yet; what is wrong with the settings Build reports, as a mistake of the serdes.
func New(c Config) *Registry {
	r := &Registry{wait: c.Wait}
	if r.wait == 0 {
		r.wait = 30 * time.Second
	}
	if r.wait < 0 || r.wait > 5*time.Minute {
		r.err = fmt.Errorf("registry: Config.Wait is %v: must be above 0, up to 5 minutes", r.wait)
		return r
	}
	opts := c.Client
	if len(c.URLs) > 0 {
		opts = append([]sr.ClientOpt{sr.URLs(c.URLs...)}, opts...)
	}
	r.client, r.err = sr.NewClient(opts...)
	r.mu.schemas = map[schemaName]serde.Schema{}
	r.mu.life = context.Background()
	return r
}

// use makes waits end when the last of the contexts that serdes were started with has ended.
func (r *Registry) use(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mu.users++; r.mu.users == 1 {
		r.mu.life, r.mu.end = context.WithCancel(context.Background())
	}
	context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.mu.users--; r.mu.users == 0 {
			r.mu.end()
			r.mu.life = context.Background()
		}
	})
}

func (r *Registry) life() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.life
}

// schema is that of an id or GUID, with those that it refers to.
func (r *Registry) schema(ctx context.Context, name schemaName) (serde.Schema, error) {
	r.mu.Lock()
	known, ok := r.mu.schemas[name]
	r.mu.Unlock()
	if ok {
		return known, nil
	}
	var found serde.Schema
	err := r.ask(ctx, name.String(), func(ctx context.Context) error {
		s, err := r.named(ctx, name)
		if err == nil {
			found, err = r.whole(ctx, s, 0)
		}
		return err
	})
	if code(err) == http.StatusNotFound {
		return found, &UnknownSchemaError{ID: name.id, GUID: name.guid, Err: err}
	}
	if err == nil {
		r.remember(name, found)
	}
	return found, err
}

func (r *Registry) named(ctx context.Context, name schemaName) (sr.Schema, error) {
	if name.guid == "" {
		return r.client.SchemaByID(ctx, name.id)
	}
	s, err := r.client.SchemaByGUID(ctx, name.guid)
	return s.Schema, err
}

func (r *Registry) remember(name schemaName, s serde.Schema) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.schemas[name] = s
}

// deepest is how far references go: a registry that lies must not keep us for ever.
const deepest = 20

// whole is a schema of the registry with those that it refers to.
func (r *Registry) whole(ctx context.Context, s sr.Schema, depth int) (serde.Schema, error) {
	if depth > deepest {
		return serde.Schema{}, fmt.Errorf("registry: references are nested deeper than %d", deepest)
	}
	out := serde.Schema{Type: s.Type.String(), Text: s.Schema}
	for _, ref := range s.References {
		found, err := r.client.SchemaByVersion(ctx, ref.Subject, ref.Version)
		if err != nil {
			return out, fmt.Errorf("reference %s, subject %s version %d: %w", ref.Name, ref.Subject, ref.Version, err)
		}
		inner, err := r.whole(ctx, found.Schema, depth+1)
		if err != nil {
			return out, err
		}
		out.References = append(out.References, serde.Reference{Name: ref.Name, Subject: ref.Subject, Schema: inner})
	}
	return out, nil
}

// The pauses between tries double from the first to the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// ask repeats a request that gets no answer, until it has had Config.Wait, or ctx ends.
func (r *Registry) ask(ctx context.Context, what string, request func(ctx context.Context) error) error {
	waiting, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := request(waiting)
		if err == nil || final(err) && waiting.Err() == nil {
			return err
		}
		if waiting.Err() == nil {
			sleep(waiting, pause)
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("registry: %s: %w: %w", what, serde.ErrStopped, ctx.Err())
		case waiting.Err() != nil:
			return &UnavailableError{What: what, Waited: r.wait, Err: err}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// code is the status of an answer, 0 if there is none.
func code(err error) int {
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}

// final is true for answers that the same request gets again: those that say that it is wrong, or not allowed.
func final(err error) bool {
	c := code(err)
	return c >= 400 && c < 500 && c != http.StatusRequestTimeout && c != http.StatusTooManyRequests
}
