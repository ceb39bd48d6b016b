package worker

// Process is what the workers of a process share, beside the cluster.
type Process struct {
	ID      string // of the state directory; part of the workers' identities
	Engines *Engines
	roster  roster
}
