package demo

import "github.com/twmb/franz-go/pkg/sr/srfake"

// Registry is the address of a schema registry: the one that is given, or else of one within the process, which takes
// any schema. stop ends that.
func Registry(given string) (url string, stop func()) {
	if given != "" {
		return given, func() {}
	}
	fake := srfake.New()
	return fake.URL(), fake.Close
}
