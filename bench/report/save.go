package report

import (
	"encoding/json"
	"fmt"
	"os"
)

// Save writes the result as JSON. It makes the directory.
func (r *Result) Save(path string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return put(path, append(b, '\n'))
}

// Load reads what Save has written.
func Load(path string) (*Result, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
