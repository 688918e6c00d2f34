//go:build !unix

package topics

import "fmt"

// mappings has nothing where this package's tests cannot map a file; the ring's tests then run over heap memory only.
func mappings() []memory {
	fmt.Println("no file mappings in these tests on this system: rings are tested over heap memory only")
	return nil
}
