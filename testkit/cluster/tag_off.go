//go:build !synctests

package cluster

// tagged is true where the Kafka client's locks do not hold up virtual time.
const tagged = false
