package cli

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/spf13/cobra"
)

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// TestWhatCannotBePrintedIsAnError: help, also of a command, and the version. What commands say stays as it is.
func TestWhatCannotBePrintedIsAnError(t *testing.T) {
	full, handed, own := errors.New("full"), errors.New("handed through"), errors.New("the command's own")
	execute := func(out io.Writer, args ...string) error {
		root := &cobra.Command{Use: "root", Version: "1", SilenceErrors: true, SilenceUsage: true}
		root.AddCommand(&cobra.Command{Use: "one", RunE: func(*cobra.Command, []string) error { return own }})
		Help(root)
		root.SetArgs(args)
		return Execute(context.Background(), root, out, func(err error) error {
			if !errors.Is(err, full) {
				t.Errorf("%v: %v is handed on", args, err)
			}
			return handed
		})
	}
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"help", "one"}, {"one", "--help"}, {"--version"}} {
		if err := execute(failing{full}, args...); !errors.Is(err, handed) {
			t.Errorf("%v: %v", args, err)
		}
		if err := execute(io.Discard, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := execute(failing{full}, "one"); !errors.Is(err, own) {
		t.Error(err)
	}
}
