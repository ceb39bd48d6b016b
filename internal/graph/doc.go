// Package graph is the compiled graph of an application, and the interface between its steps and whatever runs them.
//
// # Graph
//
// A Graph is built from typed nodes: AddSource reads a topic, AddProcessor adds a step downstream of its parents,
// AddSink writes a topic. Mistakes are collected, and Compile reports all of them, each with the line of user code
// that made it. The result, a Topology, runs nothing. Users have it as a topology.Topology, which is the same struct
// with other methods: a conversion of the pointer leads from one to the other. What users write processors with they
// find in package streams, as aliases.
//
// Nodes that are connected by calls, or that use the same store, form a sub-topology. Between sub-topologies records
// travel through topics only, so each runs by itself: a task is one sub-topology for one partition of its inputs.
// Partitions works out how many tasks there are, and refuses topics that are joined and differ in their number of
// partitions.
//
// # Types
//
// Sources, sinks and processors have types, what runs has not: Link makes an Instance, in which an edge is a plain
// func(*Flow) error. The key and the value of a Flow are pointers to variables of the step that made it, so that a
// record on its way is not boxed, and what lies between processors is compiled once. That the types of two nodes fit is
// checked when they are linked, as far as both are known.
//
// # Processors
//
// A step is a Processor: a method Process, and others where it needs them. Many steps of the DSL are the same without
// types, a Step; users' own are their equals. For each task:
//
//  1. Init, where it has one, is called once, with the stores open and restored, on steps downstream first.
//  2. Process is called for one record at a time. Context.Forward calls the steps downstream, depth first, in the order
//     in which they were declared, and returns when they are done. An error from Forward is returned as it is.
//  3. Punctuations, which Context.Schedule enters, run between records and may do what Process may.
//  4. Close, where it has one, is called once. It does not forward.
//
// An error or panic in a record or punctuation takes back its outputs and its writes to stores. What a processor keeps
// in fields of its own is not taken back, nor does it survive a restart: what must do so belongs in a store.
//
// # Null
//
// Keys and values may be null. That is said by the flags NullKey and NullValue of a Record, never by a zero value.
// Between the steps of a table travel records of Change: the row before and after, each of which may be missing, but
// not both.
package graph
