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

// A Checker is a struct for a config table that knows which values make sense. Check says all that is wrong, as BadConfig does, and looks at nothing
// else: it is also asked where the plugin is not to run. topics are the manifest's.
type Checker interface {
	Check(topics []string) error
}

// BadConfig is the error of a key of the config table.
func BadConfig(key, format string, args ...any) error {
	return &KeyError{"config." + key, fmt.Errorf(format, args...)}
}

// Config puts the manifest's config table into the struct that v points to. Keys are those of the fields' json tags, and what the table
// does not have keeps its value, so set the defaults before. Fields may be of any type that JSON fits, also Duration and Size. Errors
// name the keys: those that there are none of, and those whose value does not fit; if all values fit, also those that v finds as a Checker.
func (p *Plugin) Config(v any) error {
	text := cmp.Or(os.Getenv(EnvConfig), "{}")
	return readConfig(text, p.Topics(), v)
}

// ReadConfig puts the config table into the struct that v points to, and finds the errors that Plugin.Config finds when the plugin runs.
func (m *Manifest) ReadConfig(v any) error {
	text, err := json.Marshal(m.Config)
	if err != nil {
		return err
	}
	var names []string
	for _, t := range m.Topics {
		names = append(names, t.Name)
	}
	return readConfig(string(text), names, v)
}

func readConfig(text string, topics []string, v any) error {
	var table map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &table); err != nil {
		return fmt.Errorf("the config table, in %s: %w", EnvConfig, err)
	}
	fields := configFields(reflect.ValueOf(v).Elem())
	var errs []error
	fit := true
	for _, key := range slices.Sorted(maps.Keys(table)) {
		field, ok := fields[key]
		if !ok {
			known := slices.Sorted(maps.Keys(fields))
			errs = append(errs, BadConfig(key, "there is no such key; there are %s", strings.Join(known, ", ")))
			continue
		}
		if err := configValue(table[key], field.Addr().Interface()); err != nil {
			fit = false
			errs = append(errs, BadConfig(key, "%w", err))
		}
	}
	if c, ok := v.(Checker); ok && fit {
		errs = append(errs, c.Check(topics))
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

// plainJSON is a value of a Table.
func plainJSON(text json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return plainValue(v)
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
		t := reflect.TypeOf(to).Elem()
		if is, err := plainJSON(text); err == nil && (kind(is) != "a table" || wanted(t) != "a table") {
			return unfit(is, t)
		}
		return fmt.Errorf("in it, %s has to be %s", wrong.Field, wanted(wrong.Type))
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
