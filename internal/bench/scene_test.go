//go:build linux

package bench

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

const diary = "diary" // a scene that tells what was done with it

func init() {
	AddScene(diary, func(p Place) (Part, error) {
		if string(p.Args) != `["a"]` || p.Topic == "" || p.Bus == nil {
			return nil, fmt.Errorf("this is no place: %+v", p)
		}
		return &diarist{who: map[bool]string{false: "publisher", true: "subscriber"}[p.Subscriber]}, nil
	})
}

type diarist struct {
	who      string
	runs     float64
	prepared uint64
}

func (d *diarist) Prepare(n uint64) error {
	d.prepared = n
	return nil
}

func (d *diarist) Go(n uint64) (Figures, error) {
	if n != d.prepared {
		return nil, errors.New("it was not prepared")
	}
	if n == 13 {
		return nil, errors.New("an unlucky number")
	}
	d.runs++
	return Figures{d.who: d.runs}, nil
}

func (d *diarist) Close() {}

func TestASceneGoesOnUntilItsTaskIsClosed(t *testing.T) {
	c, err := Start(t.Context(), CrewSpec{Publishers: 1, Subscribers: 1, CPUs: []int{0, -1}, Whole: true, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	j, err := SceneJob(diary, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	task, err := c.Task(j)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 2, 1, 2} {
		if i == 2 {
			if err := task.Close(); err != nil {
				t.Fatal(err)
			}
		}
		o, err := task.Run(7)
		if err != nil || len(o.Figures) != 2 || o.Figures["publisher"] != want || o.Figures["subscriber"] != want || o.Took <= 0 {
			t.Fatalf("run %d: %+v, %v", i, o, err)
		}
	}
	if _, err := task.Run(13); err == nil || !strings.Contains(err.Error(), "an unlucky number") {
		t.Fatalf("%v", err)
	}
}

func TestTwoJobsHaveTwoNames(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a scene may be called like a job")
		}
	}()
	AddScene(Line.Name, nil)
}
