package storage

import (
	"fmt"

	"github.com/millstream-go/millstream/internal/rows"
)

// OpenDeclared opens the rows of a store of a topology, kept, with the types of a declaration, which
// has the same name, and the settings of the topology, to which steps may have added. It is an error if the rows are
// of another kind or format.
func OpenDeclared(kept, as Spec, env Env) (Store, error) {
	have, ok := kept.(*Declared)
	want, same := as.(*Declared)
	if !ok || !same || want.open == nil {
		return nil, fmt.Errorf("state: store %s: %T is no declaration", as.Name(), as)
	}
	if have.Format() != want.Format() {
		return nil, fmt.Errorf("state: store %s is kept as %s, asked for as %s: declare it once and use that value",
			kept.Name(), have.Format(), want.Format())
	}
	out := *have
	out.open = want.open
	return out.Open(env), nil
}

// RowTime is where the time is in the keys of a store whose rows lie in the order of time, behind the prefix: at is the
// number of bytes in front of it. ok is false for other stores, and for keys of an index.
func RowTime(spec Spec, key []byte) (at int, ok bool) {
	switch kind := spec.Kind(); {
	case kind == KindWindow && !spec.Options().ByKey:
		return 0, len(key) >= timeSize
	case kind == KindWindow || kind == KindSession:
		return 1, len(key) > timeSize && key[0] == rows.RowsPart
	}
	return 0, false
}

// timeSize is the number of bytes of a time in a key.
const timeSize = 8
