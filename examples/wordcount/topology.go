package main

import (
	"strings"
	"unicode"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// What outlives the process is declared once, with its name and its serdes.
var (
	Lines  = streams.NewTopic("text-lines", serde.String, serde.String)
	ByWord = streams.NewRepartition("by-word", serde.String, serde.String)
	Words  = state.NewKeyValue("words", serde.String, serde.Int64)
	Counts = streams.NewTopic("word-counts", serde.String, serde.Int64)
)

// Build describes the job: how often each word came so far. The words of a line travel through a repartition topic, as
// the same word may stand in lines of all partitions and is to be counted in one place.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("word-count")
	words := streams.FlatMapValues(streams.From(b, Lines), split)
	streams.GroupBy(words, itself, ByWord).Count(Words).ToStream().To(Counts)
	return b.Build()
}

// split gives the words of a line, in lower case and without punctuation.
func split(line string) []string {
	return strings.FieldsFunc(strings.ToLower(line), func(r rune) bool { return !unicode.IsLetter(r) })
}

func itself(word string) string { return word }
