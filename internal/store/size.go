package store

// Sized is an engine that knows how much room its rows take.
type Sized interface {
	// Size is about how many bytes the rows with lower <= key < upper take on disk.
	Size(lower, upper []byte) (bytes int64, err error)
}

// Size leaves out what is in memory and in the log only, some megabytes at most.
func (d *database) Size(lower, upper []byte) (bytes int64, err error) {
	if err := d.health.err(); err != nil {
		return 0, err
	}
	defer d.health.recovered(&err)
	n, err := d.db.EstimateDiskUsage(lower, upper)
	return int64(n), d.error(err)
}
