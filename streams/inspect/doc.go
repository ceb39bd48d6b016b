// Package inspect serves what an application of Millstream is doing over HTTP, as handlers for a mux of yours: it opens
// no port, and everything that it serves is read-only.
//
//	mux.Handle("/millstream/", http.StripPrefix("/millstream", inspect.Handler(app, inspect.Options{})))
//
// serves these paths below the prefix:
//
//	GET .               a page for people: checks, topology, tasks, stores, restores, commits, drops
//	GET livez           200 while the application is alive, 503 when it should be started again
//	GET readyz          200 while all of its tasks run, else 503
//	GET api/v1/snapshot streams.Snapshot as JSON
//	GET api/v1/instances  the processes of the application, each with its snapshot
//	GET api/v1/topology what it runs, as topology.JSON
//	GET failures/{topic}/{partition}/{offset}  a file of Go with a test that feeds a record that failed
//	GET stores/{store}  rows of a store as JSON, from whichever process has them: docs/queries.md
//
// The first two answer with one word, or with ?verbose in JSON with a reason for each worker and task that is not as it
// should be: see Health.
//
// Who may see this is up to the mux: names of topics, keys in the texts of errors and the like are shown.
package inspect
