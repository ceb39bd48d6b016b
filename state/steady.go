package state

import (
	"github.com/millstream-go/millstream/internal/steady"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/serde"
)

// steadyKeys is the serde of a store's keys; where values are watched, one that finds keys without fixed bytes.
func steadyKeys[K any](env storage.Env, keys serde.Serde[K]) serde.Serde[K] {
	if !env.Watch {
		return keys
	}
	return steady.Serde(keys)
}
