package graph_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

func repartition(name string) streams.Repartition[string, string] {
	return streams.NewRepartition(name, serde.String, serde.String)
}

func text(name string) streams.Topic[string, string] {
	return streams.NewTopic(name, serde.String, serde.String)
}

func store(name string) state.KeyValue[string, string] {
	return state.NewKeyValue(name, serde.String, serde.String)
}

// TestNamesOfTopicsAreChecked, of those that the application creates with all that is put around their names.
func TestNamesOfTopicsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		steps func(*streams.Builder, *streams.Stream[string, string])
		texts []string
	}{
		"a suffix that is added": {func(_ *streams.Builder, s *streams.Stream[string, string]) {
			s.Repartition(repartition("x"))
			s.Repartition(repartition("x-repartition"))
		}, []string{`the repartition topic "x-repartition" and the repartition topic "x" (`,
			"would be one topic in the cluster, app-x-repartition: give one of them another name"}},
		"a source with the name of a repartition topic": {func(b *streams.Builder, s *streams.Stream[string, string]) {
			s.Repartition(repartition("x"))
			streams.From(b, text("app-x-repartition"))
		}, []string{`the topic "app-x-repartition" and the repartition topic "x" (`}},
		"an output with the name of a repartition topic": {func(_ *streams.Builder, s *streams.Stream[string, string]) {
			s.To(text("app-x-repartition"))
			s.Repartition(repartition("x"))
		}, []string{`the repartition topic "x" and the topic "app-x-repartition" (`}},
		"an output with the name of a changelog": {func(_ *streams.Builder, s *streams.Stream[string, string]) {
			s.ToTable(store("x"))
			s.To(text("app-x-changelog"))
		}, []string{`the topic "app-x-changelog" and the changelog of store "x" (`}},
		"a global table with the name of a changelog": {func(b *streams.Builder, s *streams.Stream[string, string]) {
			s.ToTable(store("x"))
			streams.GlobalTableFrom(b, text("app-x-changelog"), store("y"))
		}, []string{`the topic "app-x-changelog" and the changelog of store "x" (`}},
		"points and lines": {func(_ *streams.Builder, s *streams.Stream[string, string]) {
			s.ToTable(store("a.b"))
			s.ToTable(store("a_b"))
		}, []string{`the changelog of store "a_b" and the changelog of store "a.b" (`}},
		"too long with all": {func(_ *streams.Builder, s *streams.Stream[string, string]) {
			s.Repartition(repartition(strings.Repeat("r", 240)))
			s.ToTable(store(strings.Repeat("s", 240)))
		}, []string{"and Kafka's names have up to 249 characters, not 256: shorten", "not 254: shorten"}},
		"too long": {func(_ *streams.Builder, s *streams.Stream[string, string]) {
			s.To(text(strings.Repeat("t", 250)))
		}, []string{"is longer than 249 characters"}},
		"illegal": {func(b *streams.Builder, s *streams.Stream[string, string]) {
			s.Repartition(repartition("a b"))
			s.ToTable(store("a/b"))
			s.To(text("a#b"))
			s.To(text(""))
			s.To(text(".."))
		}, []string{`name "a b" may only`, `name "a/b" may only`, `name "a#b" may only`, "a name is needed", `name ".." may only`}},
	} {
		t.Run(name, func(t *testing.T) {
			b := streams.NewBuilder("app")
			c.steps(b, streams.From(b, text("in")))
			_, err := b.Build()
			for _, text := range c.texts {
				require.ErrorContains(t, err, text)
			}
			for _, line := range strings.Split(err.Error(), "\n") {
				require.Contains(t, line, "names_test.go:")
			}
		})
	}
}

// TestNamesThatKafkaAllowsAreAllowed, up to the last letter.
func TestNamesThatKafkaAllowsAreAllowed(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, text(strings.Repeat("t", 249)))
	s.Repartition(repartition(strings.Repeat("r", 249-len("app--repartition"))))
	s.ToTable(store(strings.Repeat("s", 249-len("app--changelog"))))
	s.ToTable(store("a.b").NoChangelog())
	s.ToTable(store("a_b").NoChangelog())
	streams.From(b, text("x.y")).To(text("x_y")) // of others: Kafka has the last word
	topo, err := b.Build()
	require.NoError(t, err)
	_, err = topo.WithApp("another")
	require.ErrorContains(t, err, "shorten its name or the application id")
	_, err = streams.NewBuilder(strings.Repeat("a", 201)).Build()
	require.ErrorContains(t, err, "is longer than 200 characters")
}
