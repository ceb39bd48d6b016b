package protobuf

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"
)

// printed is a file as protoc would read it, without comments, services and options that have no part in the bytes.
// ok is false if it has more than that: extensions, groups, editions, or defaults.
func printed(f *descriptorpb.FileDescriptorProto) (text string, ok bool) {
	p := printer{proto3: f.GetSyntax() == "proto3", ok: len(f.GetExtension()) == 0 && f.GetSyntax() != "editions"}
	if p.proto3 {
		p.line(`syntax = "proto3";`)
	} else {
		p.line(`syntax = "proto2";`)
	}
	if f.GetPackage() != "" {
		p.line("package %s;", f.GetPackage())
	}
	for _, i := range f.GetDependency() {
		p.line("import %q;", i)
	}
	for _, m := range f.GetMessageType() {
		p.message(m)
	}
	for _, e := range f.GetEnumType() {
		p.enum(e)
	}
	return p.text.String(), p.ok && len(f.GetPublicDependency()) == 0
}

type printer struct {
	proto3 bool
	ok     bool
	indent string
	text   strings.Builder
}

func (p *printer) line(format string, args ...any) {
	p.text.WriteString(p.indent + fmt.Sprintf(format, args...) + "\n")
}

func (p *printer) block(format string, args ...any) (end func()) {
	p.line(format+" {", args...)
	p.indent += "  "
	return func() {
		p.indent = p.indent[2:]
		p.line("}")
	}
}

func (p *printer) message(m *descriptorpb.DescriptorProto) {
	p.ok = p.ok && len(m.GetExtension())+len(m.GetExtensionRange()) == 0 && !m.GetOptions().GetMessageSetWireFormat()
	defer p.block("message %s", m.GetName())()
	maps := map[string]*descriptorpb.DescriptorProto{}
	for _, inner := range m.GetNestedType() {
		if inner.GetOptions().GetMapEntry() {
			maps[inner.GetName()] = inner
		}
	}
	oneof := map[int32]bool{}
	for _, f := range m.GetField() {
		switch {
		case f.OneofIndex == nil || f.GetProto3Optional():
			p.field(f, maps)
		case !oneof[f.GetOneofIndex()]:
			oneof[f.GetOneofIndex()] = true
			p.oneof(m, f.GetOneofIndex())
		}
	}
	for _, inner := range m.GetNestedType() {
		if !inner.GetOptions().GetMapEntry() {
			p.message(inner)
		}
	}
	for _, e := range m.GetEnumType() {
		p.enum(e)
	}
	for _, r := range m.GetReservedRange() {
		p.line("reserved %d to %d;", r.GetStart(), r.GetEnd()-1)
	}
	for _, name := range m.GetReservedName() {
		p.line("reserved %q;", name)
	}
}

func (p *printer) oneof(m *descriptorpb.DescriptorProto, index int32) {
	defer p.block("oneof %s", m.GetOneofDecl()[index].GetName())()
	for _, f := range m.GetField() {
		if f.OneofIndex != nil && f.GetOneofIndex() == index {
			p.line("%s %s = %d%s;", typeName(f), f.GetName(), f.GetNumber(), options(f))
		}
	}
}

func (p *printer) field(f *descriptorpb.FieldDescriptorProto, maps map[string]*descriptorpb.DescriptorProto) {
	p.ok = p.ok && f.DefaultValue == nil && f.GetType() != descriptorpb.FieldDescriptorProto_TYPE_GROUP
	kind := typeName(f)
	label := ""
	switch {
	case f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REPEATED:
		label = "repeated "
		// An entry is nested in the message of the field.
		if entry := maps[kind[strings.LastIndexByte(kind, '.')+1:]]; entry != nil {
			kind, label = fmt.Sprintf("map<%s, %s>", typeName(entry.Field[0]), typeName(entry.Field[1])), ""
		}
	case f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REQUIRED:
		label = "required "
	case f.GetProto3Optional() || !p.proto3:
		label = "optional "
	}
	p.line("%s%s %s = %d%s;", label, kind, f.GetName(), f.GetNumber(), options(f))
}

func (p *printer) enum(e *descriptorpb.EnumDescriptorProto) {
	defer p.block("enum %s", e.GetName())()
	if e.GetOptions().GetAllowAlias() {
		p.line("option allow_alias = true;")
	}
	for _, v := range e.GetValue() {
		p.line("%s = %d;", v.GetName(), v.GetNumber())
	}
}

// typeName is the type as it stands in front of the name, of messages and enums the full name.
func typeName(f *descriptorpb.FieldDescriptorProto) string {
	if f.GetTypeName() != "" {
		return f.GetTypeName()
	}
	return strings.ToLower(strings.TrimPrefix(f.GetType().String(), "TYPE_"))
}

func options(f *descriptorpb.FieldDescriptorProto) string {
	if f.GetOptions() == nil || f.GetOptions().Packed == nil {
		return ""
	}
	return fmt.Sprintf(" [packed = %t]", f.GetOptions().GetPacked())
}
