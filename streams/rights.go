package streams

import "github.com/millstream-go/millstream/internal/cluster"

// Right is something that the application's user must be allowed to do, where a cluster has ACLs: an Operation on a
// Resource (topic, group, transactional-id or cluster) of a Name, or of all names that begin with it (Prefixed). String
// is what kafka-acls --add --allow-principal User:... takes.
type Right = cluster.Right

// Rights are those that the application needs, and no more. A topic that is known by a pattern only has what the
// pattern begins with, or *. Before Kafka 2.8, AtLeastOnce needs IdempotentWrite on the cluster, too.
func (a *App) Rights() []Right { return cluster.Rights(setupOf(a)) }
