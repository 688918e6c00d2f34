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

// Load reads what Save has written. What has no figures is an error: shown, or kept from, it would wipe out those that there are.
func Load(path string) (*Result, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a device may have no end
		return nil, fmt.Errorf("%s is no regular file; name one that -json has written", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Date == "" || len(r.Tables)+len(r.Growth) == 0 {
		return nil, fmt.Errorf("%s: there are no figures in it; name a file that -json has written", path)
	}
	return r, nil
}
