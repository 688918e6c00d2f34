package testproc

import (
	"os"
	"testing"
)

func TestAMemoryDirGoesWithItsTest(t *testing.T) {
	var dirs []string
	there := func(dir string) bool {
		_, err := os.Stat(dir)
		return err == nil
	}
	t.Run("a test", func(t *testing.T) {
		dirs = []string{MemoryDir(t), MemoryDir(t)}
		for _, dir := range dirs {
			if !there(dir) {
				t.Errorf("%s is not there", dir)
			}
		}
	})
	for _, dir := range dirs {
		if there(dir) {
			t.Errorf("%s is still there", dir)
		}
	}
}
