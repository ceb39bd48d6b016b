package inspect

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/millstream-go/millstream/streams"
)

// failures answers GET failures/{topic}/{partition}/{offset} with a test for testkit that feeds a record that failed.
type failures struct {
	app     App
	options Options
}

// ServeHTTP answers with the test as text.
func (f *failures) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := f.test(r.PathValue("topic"), r.PathValue("partition"), r.PathValue("offset"))
	if err != nil {
		refused(w, err)
		return
	}
	header(w, "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(text)) // who asked may be gone
}

func (f *failures) test(topic, partition, offset string) (string, error) {
	if !f.options.ShowRecords {
		return "", refuse(http.StatusForbidden, "contents of records are not shown: inspect.Options.ShowRecords is not set")
	}
	if f.options.Redact != nil {
		return "", refuse(http.StatusForbidden, "a failed record is bytes, of which inspect.Options.Redact cannot say what "+
			"may be shown")
	}
	p, err := strconv.ParseInt(partition, 10, 32)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "partition: %v", err)
	}
	o, err := strconv.ParseInt(offset, 10, 64)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "offset: %v", err)
	}
	s := f.app.Snapshot()
	for _, failure := range s.Failures {
		if failure.Topic == topic && failure.Partition == int32(p) && failure.Offset == o {
			if failure.Record == nil {
				return "", refuse(http.StatusNotFound, "the record has more than 16 kB, and was not kept: "+
					"read it from %s/%d at offset %d", topic, p, o)
			}
			return TestOf(s.App, failure), nil
		}
	}
	return "", refuse(http.StatusNotFound, "%s/%d offset %d is not among the last %d failures", topic, p, o,
		len(s.Failures))
}

// TestOf is a file of Go with a test that feeds the record of a failure, which must be there, to the topology of an
// application. It fails as long as the record does, and has the contents of the record.
func TestOf(app string, f streams.Failure) string {
	var b strings.Builder
	b.WriteString("// This file holds a real record: look whether it may be kept.\n\n")
	b.WriteString("package main // that of the function that builds your topology\n\nimport (\n\t\"testing\"\n\n")
	for _, path := range []string{"serde", "streams", "testkit"} {
		fmt.Fprintf(&b, "\t%q\n", "github.com/millstream-go/millstream/"+path)
	}
	fmt.Fprintf(&b, ")\n\n// Test%s: application %s, task %s, step %s (%s), %s/%d offset %d, %s: %s\n", identifier(f),
		comment(app), f.Task, comment(f.Step), comment(f.Site), f.Topic, f.Partition, f.Offset, f.Cause, comment(f.Error))
	fmt.Fprintf(&b, "func Test%s(t *testing.T) {\n", identifier(f))
	b.WriteString("\ttopo, err := build() // your function\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n")
	b.WriteString("\t// A driver of its own, not testkit.New, so that the error is at hand below.\n")
	fmt.Fprintf(&b, "\td, err := testkit.NewDriver(topo, testkit.Partitions(%d))%s\n", max(f.Partitions, f.Partition+1),
		partitionsNote(f))
	b.WriteString("\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n\tdefer func() { _ = d.Close() }()\n")
	fmt.Fprintf(&b, "\trecords := streams.NewTopic(%q, serde.Bytes, serde.Bytes)\n", f.Topic)
	fmt.Fprintf(&b, "\ttestkit.Input(d, records).PipeTo(%d, testkit.RawRecord{\n", f.Partition)
	fmt.Fprintf(&b, "\t\tKey:       %s,\n\t\tValue:     %s,\n", goBytes(f.Record.Key), goBytes(f.Record.Value))
	fmt.Fprintf(&b, "\t\tTimestamp: %d, // %s\n", f.Record.Timestamp,
		time.UnixMilli(f.Record.Timestamp).UTC().Format(time.RFC3339Nano))
	if len(f.Record.Headers) > 0 {
		b.WriteString("\t\tHeaders: []streams.Header{\n")
		for _, h := range f.Record.Headers {
			fmt.Fprintf(&b, "\t\t\t{Key: %q, Value: %s},\n", h.Key, goBytes(h.Value))
		}
		b.WriteString("\t\t},\n")
	}
	b.WriteString("\t})\n\tif err := d.Err(); err != nil {\n\t\tt.Fatalf(\"the record still fails: %v\", err)\n\t}\n")
	b.WriteString("\t// What should come out of it? Say so here with testkit.Output.\n}\n")
	return b.String()
}

// partitionsNote says so where the number of partitions is not the topic's own.
func partitionsNote(f streams.Failure) string {
	if f.Partitions == 0 {
		return " // or more: how many the topic has is not known"
	}
	return ""
}

// identifier is the part of the test's name that tells the record.
func identifier(f streams.Failure) string {
	var b strings.Builder
	upper := true
	for _, r := range f.Topic {
		switch letter := unicode.IsLetter(r) || unicode.IsDigit(r); {
		case !letter:
			upper = true
		case upper:
			b.WriteRune(unicode.ToUpper(r))
			upper = false
		default:
			b.WriteRune(r)
		}
	}
	return fmt.Sprintf("Record%s_%d_%d", b.String(), f.Partition, f.Offset)
}

// comment is a text for the rest of a line.
func comment(s string) string { return strings.Join(strings.Fields(s), " ") }

// goBytes are bytes in Go's syntax.
func goBytes(b []byte) string {
	switch {
	case b == nil:
		return "nil"
	case !utf8.Valid(b):
		return fmt.Sprintf("[]byte(%+q)", b)
	case strings.ContainsRune(string(b), '"') && strconv.CanBackquote(string(b)):
		return "[]byte(`" + string(b) + "`)"
	}
	return "[]byte(" + strconv.Quote(string(b)) + ")"
}
