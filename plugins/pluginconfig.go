package plugins

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"shmbus/internal/bytesize"
)

// Size is a number of bytes in a plugin's config: 4096, "64KiB" or "1.5MiB".
type Size = bytesize.Size

// Config puts the manifest's config table into the struct that v points to. Keys are those of the fields' json tags, and what the table
// does not have keeps its value, so set the defaults before. Fields may be of any type that JSON fits, also Duration and Size. Errors
// name the keys: those that there are none of, and those whose value does not fit.
func (p *Plugin) Config(v any) error {
	text := cmp.Or(os.Getenv(EnvConfig), "{}")
	var table map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &table); err != nil {
		return fmt.Errorf("the config table, in %s: %w", EnvConfig, err)
	}
	fields := configFields(reflect.ValueOf(v).Elem())
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(table)) {
		field, ok := fields[key]
		if !ok {
			known := slices.Sorted(maps.Keys(fields))
			errs = append(errs, fmt.Errorf("config: there is no key %.80q; there are %s", key, strings.Join(known, ", ")))
			continue
		}
		if err := configValue(table[key], field.Addr().Interface()); err != nil {
			errs = append(errs, fmt.Errorf("config: %s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// configFields are the fields of a struct by their keys.
func configFields(s reflect.Value) map[string]reflect.Value {
	all := make(map[string]reflect.Value)
	for _, f := range reflect.VisibleFields(s.Type()) {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && !f.Anonymous && key != "-" {
			all[cmp.Or(key, f.Name)] = s.FieldByIndex(f.Index)
		}
	}
	return all
}

func configValue(text json.RawMessage, to any) error {
	if _, ok := to.(*Size); ok {
		text = json.RawMessage(`"` + string(bytes.Trim(text, `"`)) + `"`) // a number is a number of bytes
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("it is a %s, and has to be a %s", wrong.Value, wrong.Type)
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
