// Package objcode looks at the arm64 object code of a package of this module, for tests. The order of memory accesses rests on which
// instructions the compiler has chosen and on what lies between them; tests that run on one machine, or under an emulator, cannot
// show that.
//
//	objcode.go   building a package, and its functions as lists of instructions
//	inst.go      what an instruction is: of which class, and where it goes next
//	paths.go     questions about all paths through a function
package objcode
