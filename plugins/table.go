package plugins

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Table is any table. Its values are those that JSON has: map[string]any, []any, string, bool, int64 and float64. A whole number is an
// int64 where it fits, however it was written, so that a Table is the same again after JSON.
type Table map[string]any

// UnmarshalJSON reads a table without losing digits of whole numbers.
func (t *Table) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	plain, err := Table(m).plain()
	*t = plain
	return err
}

// plain is t with values as Table says. nil stays nil.
func (t Table) plain() (Table, error) {
	for k, v := range t {
		v, err := plainValue(v)
		if err != nil {
			return nil, fmt.Errorf("%.80q: %w", k, err)
		}
		t[k] = v
	}
	return t, nil
}

func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, string, bool, int64:
		return v, nil
	case float64:
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return nil, fmt.Errorf("%v cannot be handed over, because JSON has no such number", v)
		case v == math.Trunc(v) && v >= -1<<63 && v < 1<<63:
			return int64(v), nil
		}
		return v, nil
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, err
		}
		return plainValue(f)
	case time.Time:
		return v.Format(timeLayout(v)), nil
	case map[string]any:
		t, err := Table(v).plain()
		return map[string]any(t), err
	case []map[string]any:
		all := make([]any, len(v))
		for i, x := range v {
			all[i] = x
		}
		return plainValue(all)
	case []any:
		for i, x := range v {
			x, err := plainValue(x)
			if err != nil {
				return nil, err
			}
			v[i] = x
		}
		return v, nil
	}
	return nil, fmt.Errorf("a %T cannot be handed over", v)
}

// timeLayout is how a time was written in TOML, which has some without a zone.
func timeLayout(t time.Time) string {
	switch t.Location().String() {
	case "datetime-local":
		return "2006-01-02T15:04:05.999999999"
	case "date-local":
		return time.DateOnly
	case "time-local":
		return "15:04:05.999999999"
	}
	return time.RFC3339Nano
}
