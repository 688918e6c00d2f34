//go:build !linux

package filelock

import (
	"errors"
	"os"
)

func try(*os.File) error          { return errors.ErrUnsupported }
func held(*os.File) (bool, error) { return false, errors.ErrUnsupported }
func wait(*os.File) error         { return errors.ErrUnsupported }
