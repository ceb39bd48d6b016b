package storage

// Sealed is a declaration as users see it: they hand it on, and only Of looks into it.
type Sealed struct{ spec Spec }

// Seal makes one.
func Seal(s Spec) Sealed { return Sealed{s} }

// Of is the declaration of a store.
func Of(declaration interface{ Spec() Sealed }) Spec { return declaration.Spec().spec }

// Opened is an open store as users see it: a handle of the store's declaration finds itself in it, and only Store looks
// into it.
type Opened struct {
	store Store
	shown Shown
}

// Open makes one.
func Open(s Store) Opened { return Opened{store: s} }

// Shown tells of a store that several tasks have which of them a row is from.
type Shown interface {
	// Tasks are the partitions of the tasks; -1 is that of global tables.
	Tasks() []int32
	// Row is the task of the row that was read last: its partition, and the stream time of the store there in
	// milliseconds, -1 if it has none.
	Row() (partition int32, streamTime int64)
}

// OpenShown makes one that shows what tasks have committed.
func OpenShown(s Store, of Shown) Opened { return Opened{store: s, shown: of} }

// ShownBy is what OpenShown was given, nil for a store of one task.
func ShownBy(o Opened) Shown { return o.shown }

// StoreOf is the open store.
func StoreOf(o Opened) Store { return o.store }

// HandleOf is the store as processors know it, with its types; nil if there is none.
func HandleOf(o Opened) any {
	if s, ok := o.store.(interface{ Handle() any }); ok {
		return s.Handle()
	}
	return nil
}

// Unsealed is the declaration that a constructor made; nil for one that none has made.
func Unsealed(s Sealed) *Declared {
	d, _ := s.spec.(*Declared)
	return d
}
