// Package cluster is what an application knows of its Kafka cluster, and what it asks it for: topics and those that it
// creates for itself, how the topology lies on them ([Layout]), offsets, rights, members of the group, and why nothing
// comes.
//
// It belongs to no worker: the workers of a process share one [Cluster], which has a client of its own, outside of
// groups and transactions. Requests wait for their answers, until their context ends; nothing here has a goroutine but
// [Cluster.FenceGone]. Errors say what is wrong with the cluster; what follows from them the caller decides.
package cluster
