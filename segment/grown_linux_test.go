package segment

import (
	"sync"
	"testing"
)

func TestASegmentCanBeOpenedWhileItGrows(t *testing.T) {
	dir := t.TempDir()
	s, err := Create(dir, "main", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Grow(int64(s.PageSize()), nil); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 2000 {
		o, err := Open(dir, "main", ReadOnly)
		if err != nil {
			t.Error(err)
			break
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wait.Wait()
}
