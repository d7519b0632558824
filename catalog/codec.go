// Copyright 2026 The onrecord authors
// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"onrecord"
)

// Rows hold what is not searched as one compact blob, made from the types of
// package onrecord by reflection: a bit for each field that is not zero, then
// those fields. Numbers are varints, times are microseconds relative to the
// first time of the blob, strings see strings.go. Nothing outlives the types:
// the shape of them is part of the schema (fingerprint), so a file written by a
// program with other types is rebuilt.

// internFields are the fields whose strings recur from row to row: they are
// kept once, in the table names. A name stands for the field in every struct.
func internFields() []string {
	return []string{
		"Type", "Figure", "Source", "Door", "Parser", "Platform", "Handle", "Name", "Provenance", "Precision",
		"Lang", "Grade", "Look", "State", "Account", "Code", "Reason", "AccountRef.ID",
	}
}

// A namer turns a recurring string into a number.
type namer func(s string) (uint64, error)

// An unnamer is the way back.
type unnamer func(n uint64) (string, error)

type encoder struct {
	shapes map[reflect.Type]shape
	buf    []byte
	base   int64
	based  bool
	seen   []string
	name   namer
	err    error
}

type decoder struct {
	shapes map[reflect.Type]shape
	buf    []byte
	base   int64
	based  bool
	seen   []string
	name   unnamer
	err    error
}

// marshal returns the blob of the struct v.
func marshal(v any, name namer) ([]byte, error) {
	e := encoder{shapes: shapes(), name: name, buf: make([]byte, 0, 256)}
	e.value(reflect.ValueOf(v), false)
	if e.err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, e.err)
	}
	return e.buf, nil
}

// unmarshal fills the struct that v points to. A damaged blob is ErrRebuild.
func unmarshal(blob []byte, v any, name unnamer) error {
	d := decoder{shapes: shapes(), buf: blob, name: name}
	d.value(reflect.ValueOf(v).Elem(), false)
	if d.err == nil && len(d.buf) > 0 {
		d.err = errTrailing
	}
	if d.err != nil {
		return fmt.Errorf("decode %T: %w: %w", v, d.err, ErrRebuild)
	}
	return nil
}

// A field is a field of a struct that is kept.
type field struct {
	intern bool
	flag   bool // a bool: its bit says it all
}

// A shape is how a type is written: of a struct its fields, of anything else
// none.
type shape struct {
	isTime bool
	fields []field
}

// shapes are those of all types that are kept.
var shapes = sync.OnceValue(func() map[reflect.Type]shape {
	all := map[reflect.Type]shape{}
	for _, t := range keptTypes() {
		addShapes(all, t)
	}
	return all
})

// keptTypes are the types of the rows.
func keptTypes() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[storedEvent](), reflect.TypeFor[record](), reflect.TypeFor[wording](),
		reflect.TypeFor[account](), reflect.TypeFor[source](), reflect.TypeFor[onrecord.CaptureRef](),
	}
}

func addShapes(all map[reflect.Type]shape, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		addShapes(all, t.Elem())
		return
	case reflect.Struct:
	default:
		return
	}
	if _, ok := all[t]; ok {
		return
	}
	if t == reflect.TypeFor[time.Time]() {
		all[t] = shape{isTime: true}
		return
	}
	names := internFields()
	var s shape
	for f := range t.Fields() {
		s.fields = append(s.fields, field{
			intern: slices.Contains(names, f.Name) || slices.Contains(names, t.Name()+"."+f.Name),
			flag:   f.Type.Kind() == reflect.Bool,
		})
	}
	all[t] = s
	for f := range t.Fields() {
		addShapes(all, f.Type)
	}
}

func (e *encoder) value(v reflect.Value, intern bool) {
	switch v.Kind() {
	case reflect.String:
		e.string(v.String(), intern)
	case reflect.Bool:
		e.buf = append(e.buf, byte(boolInt(v.Bool())))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.buf = binary.AppendVarint(e.buf, v.Int())
	case reflect.Pointer:
		e.value(v.Elem(), intern)
	case reflect.Struct:
		e.structure(v)
	case reflect.Array:
		for i := range v.Len() { // an array in a value cannot be sliced
			e.buf = append(e.buf, byte(v.Index(i).Uint()))
		}
	case reflect.Slice:
		e.buf = binary.AppendUvarint(e.buf, uint64(v.Len()))
		for i := range v.Len() {
			e.value(v.Index(i), intern)
		}
	case reflect.Map:
		e.mapping(v)
	default:
		e.fail(fmt.Errorf("no code for %s", v.Type()))
	}
}

func (e *encoder) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *encoder) structure(v reflect.Value) {
	s, ok := e.shapes[v.Type()]
	if !ok || len(s.fields) > 64 {
		e.fail(fmt.Errorf("no code for %s", v.Type()))
		return
	}
	if s.isTime {
		e.time(v.Interface().(time.Time))
		return
	}
	var bits uint64
	for i := range s.fields {
		if !isZero(v.Field(i)) {
			bits |= 1 << i
		}
	}
	e.buf = binary.AppendUvarint(e.buf, bits)
	for i, f := range s.fields {
		if bits&(1<<i) != 0 && !f.flag {
			e.value(v.Field(i), f.intern)
		}
	}
}

// isZero takes an empty list for none, so that equal values have equal blobs.
func isZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// mapping writes a map in the order of its keys; one of arbitrary values as
// JSON.
func (e *encoder) mapping(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Interface {
		b, err := json.Marshal(v.Interface())
		if err != nil {
			e.fail(err)
		}
		e.string(string(b), false)
		return
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		switch {
		case a.String() < b.String():
			return -1
		case a.String() > b.String():
			return 1
		}
		return 0
	})
	e.buf = binary.AppendUvarint(e.buf, uint64(len(keys)))
	for _, k := range keys {
		e.string(k.String(), true)
		e.value(v.MapIndex(k), false)
	}
}

func (e *encoder) time(t time.Time) {
	us := t.UnixMicro()
	e.buf = binary.AppendVarint(e.buf, us-e.base)
	if !e.based {
		e.base, e.based = us, true
	}
}

func (d *decoder) value(v reflect.Value, intern bool) {
	if d.err != nil {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(d.string())
	case reflect.Bool:
		v.SetBool(d.varbyte() != 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(d.varint())
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(v.Elem(), intern)
	case reflect.Struct:
		d.structure(v)
	case reflect.Array:
		copy(v.Slice(0, v.Len()).Bytes(), d.take(uint64(v.Len())))
	case reflect.Slice:
		d.slice(v, intern)
	case reflect.Map:
		d.mapping(v)
	default:
		d.fail(fmt.Errorf("no code for %s", v.Type()))
	}
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) structure(v reflect.Value) {
	s, ok := d.shapes[v.Type()]
	if !ok {
		d.fail(fmt.Errorf("no code for %s", v.Type()))
		return
	}
	if s.isTime {
		*v.Addr().Interface().(*time.Time) = d.time()
		return
	}
	bits := d.uvarint()
	if n := len(s.fields); n < 64 && bits>>n != 0 {
		d.fail(fmt.Errorf("%s has no field for bits %x", v.Type(), bits))
		return
	}
	for i, f := range s.fields {
		switch {
		case bits&(1<<i) == 0:
		case f.flag:
			v.Field(i).SetBool(true)
		default:
			d.value(v.Field(i), f.intern)
		}
	}
}

func (d *decoder) slice(v reflect.Value, intern bool) {
	n := d.uvarint()
	if n > uint64(len(d.buf)) { // an element takes a byte at least
		d.fail(errShort)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), int(n), int(n)))
	for i := range int(n) {
		d.value(v.Index(i), intern)
	}
}

func (d *decoder) mapping(v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	if v.Type().Elem().Kind() == reflect.Interface {
		if err := json.Unmarshal([]byte(d.string()), v.Addr().Interface()); err != nil {
			d.fail(err)
		}
		return
	}
	n := d.uvarint()
	if n > uint64(len(d.buf)) {
		d.fail(errShort)
		return
	}
	for range n {
		k := reflect.New(v.Type().Key()).Elem()
		k.SetString(d.string())
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(elem, false)
		v.SetMapIndex(k, elem)
	}
}

func (d *decoder) time() time.Time {
	us := d.varint() + d.base
	if !d.based {
		d.base, d.based = us, true
	}
	return time.UnixMicro(us).UTC()
}

// fingerprint describes the shape of t, so that the schema changes with it.
func fingerprint(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return t.Kind().String() + " " + fingerprint(t.Elem())
	case reflect.Map:
		return "map " + fingerprint(t.Elem())
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "time"
		}
		s := t.Name() + "{"
		for f := range t.Fields() {
			s += f.Name + " " + fingerprint(f.Type) + ";"
		}
		return s + "}"
	}
	return t.Kind().String()
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
