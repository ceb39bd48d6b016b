// Package sim is what a simulation of whole applications changes in the code that it tries: the wall clock, and how
// long a record's functions take. All of it is for builds with the tag synctests, in which the Kafka client runs in
// virtual time; see testkit/cluster. In any other build it is constant, and the compiler leaves it out.
package sim
