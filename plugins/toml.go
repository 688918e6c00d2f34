package plugins

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// A TOML is the text of a configuration file, so that what is wrong with it is told with the file and the line.
type TOML struct {
	Path string // "": it is in no file
	Text string
}

// Decode puts the text into the struct that v points to, which has toml tags; what the text does not have keeps its value. err has all values that
// are of another type than is wanted, in the words of the documentation, or why the text is no TOML. Otherwise unknown has the keys that there are none of;
// doc is the document that has all of them. Tables in free may have any keys.
func (t TOML) Decode(v any, doc string, free ...string) (unknown []error, err error) {
	meta, err := toml.Decode(t.Text, v)
	if bad := misfits(t.Text, reflect.TypeOf(v).Elem()); bad != nil { // the library also takes some that are none of its type
		return nil, t.Wrong(bad)
	}
	if err != nil {
		return nil, t.Wrong(syntax(err))
	}
	var all problems
	none := make(map[string]bool)
	for _, key := range meta.Undecoded() {
		none[key.String()] = true
		if !slices.Contains(free, key[0]) { // the TOML library says so of tables in lists, whatever they are decoded into
			all.add(key.String(), "there is no such key; %s has all of them", doc)
		}
	}
	for _, key := range meta.Keys() {
		if name := key.String(); !none[name] && !slices.Contains(free, key[0]) && name != strings.ToLower(name) { // the library does not mind
			all.add(name, "there is no such key, but one in small letters")
		}
	}
	return all, nil
}

// Wrong is an error, which may be several joined ones, with the path and with the lines of those that are KeyErrors.
func (t TOML) Wrong(err error) error {
	err = located(err, t.Text)
	if err == nil || t.Path == "" {
		return err
	}
	return &fileError{t.Path, err}
}

// WrongIn is Wrong for the manifest at path, "" if there is none, of which the text is read for that.
func WrongIn(path string, err error) error {
	if err == nil || path == "" {
		return err
	}
	text, _ := os.ReadFile(path) // without it there are no lines
	return TOML{path, string(text)}.Wrong(err)
}

// A fileError names the file before each problem.
type fileError struct {
	path string
	err  error
}

func (e *fileError) Error() string {
	return e.path + ": " + strings.ReplaceAll(e.err.Error(), "\n", "\n"+e.path+": ")
}

func (e *fileError) Unwrap() error { return e.err }

// syntax is an error of the TOML library on one line, with the line's number.
func syntax(err error) error {
	var bad toml.ParseError
	if errors.As(err, &bad) {
		return fmt.Errorf("%s", strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return err
}
