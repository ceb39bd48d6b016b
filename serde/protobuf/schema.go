package protobuf

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/millstream-go/millstream/serde"
)

// schemaOf is the schema of a message: its file, and where it stands in there.
func schemaOf(m protoreflect.MessageDescriptor) (serde.Schema, error) {
	s, err := fileSchema(m.ParentFile())
	s.Name = string(m.FullName())
	s.Message = placeOf(m)
	return s, err
}

// placeOf is where a message stands in its file. The entries of maps, messages that compilers make up, do not count, as
// Confluent's serializers go by the text.
func placeOf(m protoreflect.MessageDescriptor) (place []int) {
	siblings := m.ParentFile().Messages()
	if around, ok := m.Parent().(protoreflect.MessageDescriptor); ok {
		place, siblings = placeOf(around), around.Messages()
	}
	return append(place, slices.Index(declared(siblings), m))
}

// declared are the messages that the text has.
func declared(messages protoreflect.MessageDescriptors) (out []protoreflect.MessageDescriptor) {
	for i := range messages.Len() {
		if m := messages.Get(i); !m.IsMapEntry() {
			out = append(out, m)
		}
	}
	return out
}

func fileSchema(f protoreflect.FileDescriptor) (serde.Schema, error) {
	text, err := fileText(f)
	s := serde.Schema{Type: serde.ProtobufSchema, Text: text}
	for i := range f.Imports().Len() {
		imported := f.Imports().Get(i)
		if builtIn(imported.Path()) {
			continue
		}
		inner, failed := fileSchema(imported.FileDescriptor)
		err = errors.Join(err, failed)
		s.References = append(s.References, serde.Reference{Name: imported.Path(), Subject: imported.Path(), Schema: inner})
	}
	return s, err
}

// builtIn are the files that every registry and compiler has.
func builtIn(path string) bool { return strings.HasPrefix(path, "google/protobuf/") }

// fileText is the text of a .proto file; or the bytes of its descriptor, which registries take as well, if it has what
// the text would leave out.
func fileText(f protoreflect.FileDescriptor) (string, error) {
	d := protodesc.ToFileDescriptorProto(f)
	if text, ok := printed(d); ok {
		return text, nil
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
	return base64.StdEncoding.EncodeToString(b), err
}

// compile finds the message of a schema from a registry.
func compile(s serde.Schema) (protoreflect.MessageDescriptor, error) {
	if s.Type != serde.ProtobufSchema {
		return nil, fmt.Errorf("serde: protobuf: the writer's schema is of type %s", s.Type)
	}
	const top = "writer.proto"
	files := map[string]protocompile.SearchResult{}
	if err := addFile(files, top, s); err != nil {
		return nil, err
	}
	resolver := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		if f, ok := files[path]; ok {
			return f, nil
		}
		return protocompile.SearchResult{}, fmt.Errorf("no schema %s among the references", path)
	})
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(resolver), MaxParallelism: 1}
	linked, err := compiler.Compile(context.Background(), top)
	if err != nil {
		return nil, fmt.Errorf("serde: protobuf: schema: %w", err)
	}
	return messageAt(linked[0], s.Message)
}

// addFile enters a schema and those that it needs. A text is not parsed before the compiler asks for it, and each file
// once: the name that others know it by counts.
func addFile(files map[string]protocompile.SearchResult, path string, s serde.Schema) error {
	if _, known := files[path]; known {
		return nil
	}
	files[path] = protocompile.SearchResult{Source: strings.NewReader(s.Text)}
	if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s.Text)); err == nil && s.Text != "" {
		d := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(b, d); err != nil {
			return fmt.Errorf("serde: protobuf: schema: file descriptor: %w", err)
		}
		d.Name = proto.String(path)
		files[path] = protocompile.SearchResult{Proto: d}
	}
	for _, r := range s.References {
		if err := addFile(files, r.Name, r.Schema); err != nil {
			return err
		}
	}
	return nil
}

// messageAt is the message at a place in a file.
func messageAt(f protoreflect.FileDescriptor, place []int) (found protoreflect.MessageDescriptor, err error) {
	within := declared(f.Messages())
	for _, i := range place {
		if i < 0 || i >= len(within) {
			found = nil
			break
		}
		found = within[i]
		within = declared(found.Messages())
	}
	if found == nil {
		return nil, fmt.Errorf("serde: protobuf: the writer's schema has no message at %v", place)
	}
	return found, nil
}
