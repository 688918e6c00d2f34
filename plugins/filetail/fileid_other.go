//go:build !unix

package filetail

import "os"

// fileID is "" where files have no number that is easily had: the beginning of the file has to do.
func fileID(os.FileInfo) string { return "" }

// deleted says whether an open file has no name any more: nothing has its old one, and that has to do.
func deleted(os.FileInfo) bool { return true }
