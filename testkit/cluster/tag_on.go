//go:build synctests

package cluster

const tagged = true
