package state

import (
	"errors"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/serde"
)

// Declaration is a declared store of any kind: what a step is given to use it.
type Declaration interface {
	// Spec is the declaration without its types.
	Spec() Spec
}

// ForWindows is the declaration of a store of windows or sessions with a retention. Its rows are found by key, too, if
// byKey is true.
func ForWindows(s Spec, retention time.Duration, byKey bool) Spec {
	d := s.(*declared).retain(retention)
	if byKey {
		d = d.findByKey()
	}
	return d
}

// declared is what a declaration of any kind consists of. What has its types are the functions that its constructor
// made: so each is compiled where a store is declared, and not wherever its type is named.
type declared struct {
	name       string
	kind       Kind
	key, value any // serdes of the rows
	byTime     bool
	options    Options
	open       func(d *declared, env Env) Store
}

// newDeclared is a declaration with the serdes of its rows. One that has several serdes for its values lists them in
// its options.
//
//go:noinline
func newDeclared(kind Kind, name string, key, value any, open func(d *declared, env Env) Store) *declared {
	o := writtenBy(key, value)
	return &declared{name: name, kind: kind, key: key, value: value, options: o, open: open}
}

// spec is d; for a declaration that no constructor has made, one that Build refuses.
//
//go:noinline
func (d *declared) spec(kind Kind) *declared {
	if d == nil || d.kind == "" {
		d = d.copied()
		d.kind = kind
	}
	return d
}

// copied is another declaration, to be changed. That of nil is one without a kind, which Build refuses.
func (d *declared) copied() *declared {
	if d == nil {
		return &declared{options: writtenBy(nil, nil)}
	}
	out := *d
	return &out
}

func (d *declared) Name() string     { return d.name }
func (d *declared) Kind() Kind       { return d.kind }
func (d *declared) Options() Options { return d.options }

func (d *declared) Open(env Env) Store { return d.open(d, env) }

func (d *declared) Format() string {
	return fmt.Sprintf("%s(%s,%s)", d.kind, serde.FormatOf(d.key), serde.FormatOf(d.value))
}

// Layout tells what the order of the rows, or a second one, is by, if it is not that of the kind.
func (d *declared) Layout() string {
	switch {
	case d.byTime || d.options.TTL > 0:
		return "by time"
	case d.options.ByKey:
		return "by key"
	}
	return ""
}

func (d *declared) Err() error {
	var errs []error
	for _, value := range d.options.Values {
		errs = append(errs, checkSerdes(d.options.Keys, value))
	}
	return errors.Join(append(errs, d.checkTimes())...)
}

// checkTimes says which of the times of a declaration is missing, or out of range.
func (d *declared) checkTimes() error {
	o := d.options
	switch {
	case d.kind.Expires() && o.Retention == 0:
		return errors.New("needs a retention: add Retain")
	case d.kind.Expires() && o.Retention < time.Millisecond:
		return fmt.Errorf("retention %v: must be a millisecond or more", o.Retention)
	case d.kind == KindVersioned && (o.Retention < 0 || o.Retention%time.Millisecond != 0):
		return fmt.Errorf("history %v: must be whole milliseconds, 0 or more", o.Retention)
	case o.TTL < 0 || o.TTL%time.Millisecond != 0:
		return fmt.Errorf("time to live %v: must be whole milliseconds, above 0", o.TTL)
	}
	return nil
}

// checkSerdes says which serde of a declaration is missing, or not sound.
func checkSerdes(key, value any) error {
	switch {
	case key == nil:
		return errors.New("needs a serde for keys")
	case value == nil:
		return errors.New("needs a serde for values")
	}
	return errors.Join(serde.ErrOf(key), serde.ErrOf(value))
}

// What follows are the settings that declarations have: each gives another one. They are not inlined: what is, is
// compiled with each set of types.

//go:noinline
func (d *declared) inMemory() *declared {
	out := d.copied()
	out.options.InMemory = true
	return out
}

//go:noinline
func (d *declared) noChangelog() *declared {
	out := d.copied()
	out.options.NoChangelog = true
	return out
}

//go:noinline
func (d *declared) retain(keep time.Duration) *declared {
	out := d.copied()
	out.options.Retention = keep
	return out
}

//go:noinline
func (d *declared) liveFor(ttl time.Duration) *declared {
	out := d.copied()
	out.options.TTL = ttl
	return out
}

//go:noinline
func (d *declared) newestWins() *declared {
	out := d.copied()
	out.options.NewestWins = true
	return out
}

//go:noinline
func (d *declared) findByKey() *declared {
	out := d.copied()
	out.options.ByKey = true
	return out
}

//go:noinline
func (d *declared) findByTime() *declared {
	out := d.copied()
	out.byTime = true
	return out
}

// with is the declaration with all settings of another one.
//
//go:noinline
func (d *declared) with(o Options) *declared {
	out := d.copied()
	out.options = o
	return out
}
