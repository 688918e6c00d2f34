//go:build unix

package filetail

import (
	"fmt"
	"os"
	"syscall"
)

// fileID tells a file from all others that exist now.
func fileID(info os.FileInfo) string {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	}
	return ""
}

// deleted says whether an open file has no name any more.
func deleted(info os.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return !ok || s.Nlink == 0
}
