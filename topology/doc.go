// Package topology shows what streams.Builder.Build has made, and compares it with what was there before.
//
// Describe, Mermaid, DOT, SVG and JSON show a Topology, to people and to programs. It has one sub-topology for all
// steps that are connected by calls, or that use the same store. Between sub-topologies records travel through topics
// only, so each runs by itself: a task is one sub-topology for one partition of its inputs.
//
// A Lock is what of a topology outlives the process. Committed beside the code and compared with the topology by a test
// (testkit.AssertTopology), it shows before a deployment which state a change would orphan.
package topology
