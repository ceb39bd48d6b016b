package storage

import (
	"errors"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/serde"
)

// ForWindows is the declaration of a store of windows or sessions with a retention. Its rows are found by key, too, if
// byKey is true.
func ForWindows(s Spec, retention time.Duration, byKey bool) Spec {
	d := s.(*Declared).Retain(retention)
	if byKey {
		d = d.FindByKey()
	}
	return d
}

// Declared is what a declaration of any kind consists of. What has its types are the functions that its constructor
// made: so each is compiled where a store is declared, and not wherever its type is named.
type Declared struct {
	name       string
	kind       Kind
	key, value any // serdes of the rows
	byTime     bool
	options    Options
	open       func(d *Declared, env Env) Store
}

// NewDeclared is a declaration with the serdes of its rows. One that has several serdes for its values lists them in
// its options.
//
//go:noinline
func NewDeclared(kind Kind, name string, key, value any, open func(d *Declared, env Env) Store) *Declared {
	o := WrittenBy(key, value)
	return &Declared{name: name, kind: kind, key: key, value: value, options: o, open: open}
}

// Of is d; for a declaration that no constructor has made, one that Build refuses.
//
//go:noinline
func (d *Declared) Of(kind Kind) *Declared {
	if d == nil || d.kind == "" {
		d = d.copied()
		d.kind = kind
	}
	return d
}

// copied is another declaration, to be changed. That of nil is one without a kind, which Build refuses.
func (d *Declared) copied() *Declared {
	if d == nil {
		return &Declared{options: WrittenBy(nil, nil)}
	}
	out := *d
	return &out
}

func (d *Declared) Name() string     { return d.name }
func (d *Declared) Kind() Kind       { return d.kind }
func (d *Declared) Options() Options { return d.options }

// Key and Value are the serdes of the rows.
func (d *Declared) Key() any   { return d.key }
func (d *Declared) Value() any { return d.value }

// ByTime is true if the rows are found by their time.
func (d *Declared) ByTime() bool { return d.byTime }

func (d *Declared) Open(env Env) Store { return d.open(d, env) }

func (d *Declared) Format() string {
	return fmt.Sprintf("%s(%s,%s)", d.kind, serde.FormatOf(d.key), serde.FormatOf(d.value))
}

// Layout tells what the order of the rows, or a second one, is by, if it is not that of the kind.
func (d *Declared) Layout() string {
	switch {
	case d.byTime || d.options.TTL > 0:
		return "by time"
	case d.options.ByKey:
		return "by key"
	}
	return ""
}

func (d *Declared) Err() error {
	var errs []error
	for _, value := range d.options.Values {
		errs = append(errs, checkSerdes(d.options.Keys, value))
	}
	return errors.Join(append(errs, d.checkTimes())...)
}

// checkTimes says which of the times of a declaration is missing, or out of range.
func (d *Declared) checkTimes() error {
	o := d.options
	switch {
	case KindExpires(d.kind) && o.Retention == 0:
		return errors.New("needs a retention: add Retain")
	case KindExpires(d.kind) && o.Retention < time.Millisecond:
		return fmt.Errorf("retention %v: must be a millisecond or more", o.Retention)
	case d.kind == KindVersioned && (o.Retention < 0 || o.Retention%time.Millisecond != 0):
		return fmt.Errorf("history %v: must be whole milliseconds, 0 or more", o.Retention)
	case o.TTL < 0 || o.TTL%time.Millisecond != 0:
		return fmt.Errorf("time to live %v: must be whole milliseconds, 0 or more", o.TTL)
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
func (d *Declared) InMemory() *Declared {
	out := d.copied()
	out.options.InMemory = true
	return out
}

//go:noinline
func (d *Declared) NoChangelog() *Declared {
	out := d.copied()
	out.options.NoChangelog = true
	return out
}

//go:noinline
func (d *Declared) Retain(keep time.Duration) *Declared {
	out := d.copied()
	out.options.Retention = keep
	return out
}

//go:noinline
func (d *Declared) LiveFor(ttl time.Duration) *Declared {
	out := d.copied()
	out.options.TTL = ttl
	return out
}

//go:noinline
func (d *Declared) NewestWins() *Declared {
	out := d.copied()
	out.options.NewestWins = true
	return out
}

//go:noinline
func (d *Declared) FindByKey() *Declared {
	out := d.copied()
	out.options.ByKey = true
	return out
}

//go:noinline
func (d *Declared) FindByTime() *Declared {
	out := d.copied()
	out.byTime = true
	return out
}

// With is the declaration with all settings of another one.
//
//go:noinline
func (d *Declared) With(o Options) *Declared {
	out := d.copied()
	out.options = o
	return out
}

// Typed is the declaration of rows with other serdes, opened as another one is.
//
//go:noinline
func (d *Declared) Typed(key, value any, as *Declared) *Declared {
	out := d.copied()
	out.key, out.value, out.open = key, value, as.open
	return out
}

// Sealed is the declaration as users see it. It is one of a kind, also if no constructor has made it.
//
//go:noinline
func (d *Declared) Sealed(kind Kind) Sealed { return Sealed{d.Of(kind)} }
