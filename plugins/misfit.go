package plugins

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// misfits says which values of a text cannot be read as what they are to be in a struct of type t, in the order of their lines. The TOML library ends with
// one of them, another one each time.
func misfits(text string, t reflect.Type) error {
	var top map[string]toml.Primitive
	meta, err := toml.Decode(text, &top)
	if err != nil {
		return nil // it is no TOML
	}
	var all problems
	misfitsIn(&all, &meta, top, t, "")
	slices.SortStableFunc(all, func(a, b error) int { return cmp.Compare(lineOfError(text, a), lineOfError(text, b)) })
	return errors.Join(all...)
}

func lineOfError(text string, err error) int {
	if e := (*KeyError)(nil); errors.As(err, &e) {
		return lineOf(text, e.Key)
	}
	return 0
}

// misfitsIn is misfits for a table, which is to be a struct of type t. prefix is put before its keys.
func misfitsIn(all *problems, meta *toml.MetaData, table map[string]toml.Primitive, t reflect.Type, prefix string) {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		fields := reflect.VisibleFields(t)
		i := slices.IndexFunc(fields, func(f reflect.StructField) bool { return strings.EqualFold(f.Tag.Get("toml"), key) })
		if i >= 0 {
			misfit(all, meta, table[key], fields[i].Type, prefix+key)
		}
	}
}

func misfit(all *problems, meta *toml.MetaData, value toml.Primitive, t reflect.Type, key string) {
	var is any
	_ = meta.PrimitiveDecode(value, &is) // whatever it is, it can be any
	_, isTable := is.(map[string]any)    // the library takes anything else for an empty one
	var table map[string]toml.Primitive
	var list []map[string]toml.Primitive
	switch {
	case t.Kind() == reflect.Struct && isTable && meta.PrimitiveDecode(value, &table) == nil:
		misfitsIn(all, meta, table, t, key+".")
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && tables(is) && meta.PrimitiveDecode(value, &list) == nil:
		for i, table := range list {
			misfitsIn(all, meta, table, t.Elem(), fmt.Sprintf("%s[%d].", key, i))
		}
	case t == reflect.TypeFor[StringMap]() && isTable && meta.PrimitiveDecode(value, &table) == nil:
		for _, name := range slices.Sorted(maps.Keys(table)) {
			misfit(all, meta, table[name], t.Elem(), key+"."+name)
		}
	default:
		to := reflect.New(t).Interface()
		if meta.PrimitiveDecode(value, to) == nil && (isTable || t.Kind() != reflect.Map) {
			return
		}
		s, text := is.(string)
		if u, ok := to.(encoding.TextUnmarshaler); ok && text {
			all.add(key, "%w", u.UnmarshalText([]byte(s)))
			return
		}
		all.add(key, "%w", unfit(is, t))
	}
}

// tables says whether a value is a list of tables.
func tables(v any) bool {
	list, ok := v.([]any)
	for _, x := range list {
		if _, table := x.(map[string]any); !table {
			return false
		}
	}
	_, all := v.([]map[string]any)
	return ok || all
}

// unfit is the error of a value that is to be of another type, in the words that people know the types by.
func unfit(is any, t reflect.Type) error {
	if err := beyond(is, t); err != nil {
		return err
	}
	what := kind(is)
	if list, ok := is.([]any); ok && t.Kind() == reflect.Slice {
		for _, x := range list {
			if err := beyond(x, t.Elem()); err != nil {
				return fmt.Errorf("in it, %w", err)
			}
			if k := kind(x); k != wanted(t.Elem()) {
				what += " with " + k + " in it"
				break
			}
		}
	}
	return fmt.Errorf("it has to be %s, and is %s", wanted(t), what)
}

// beyond says that a number is one of the right kind, and too large or too small for its type.
func beyond(is any, t reflect.Type) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	v := reflect.New(t).Elem()
	switch x := is.(type) {
	case int64:
		switch {
		case v.CanInt() && v.OverflowInt(x):
			most := int64(1)<<(t.Bits()-1) - 1
			return fmt.Errorf("%d is not from %d to %d", x, -most-1, most)
		case v.CanUint() && x < 0:
			return fmt.Errorf("%d: it must not be negative", x)
		case v.CanUint() && v.OverflowUint(uint64(x)):
			return fmt.Errorf("%d is too large: at most %d", x, uint64(1)<<t.Bits()-1)
		}
	case float64:
		if v.CanFloat() && v.OverflowFloat(x) {
			return fmt.Errorf("%g is too large", x)
		}
	}
	return nil
}

// wanted is what a value of a type is called.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Duration]():
		return `a duration like "5s"`
	case reflect.TypeFor[Size]():
		return `a size like 4096 or "64KiB"`
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list of " + several(t.Elem())
	case reflect.Map, reflect.Struct:
		return "a table"
	case reflect.Pointer:
		return wanted(t.Elem())
	}
	return "a whole number"
}

// several is wanted for more than one.
func several(t reflect.Type) string {
	words := strings.TrimPrefix(wanted(t), "a ")
	one, like, _ := strings.Cut(words, " like ")
	if like != "" {
		return one + "s like " + like
	}
	if t.Kind() == reflect.Bool || strings.Contains(words, " of ") {
		return words
	}
	return words + "s"
}

// kind is what a value is called.
func kind(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case bool:
		return fmt.Sprint(v)
	case int64:
		return "a whole number"
	case float64:
		if v == math.Trunc(v) && math.Abs(v) >= 1<<53 {
			return "a number that is too large"
		}
		return "a number with a point"
	case time.Time:
		return "a date or time"
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "something else"
}
