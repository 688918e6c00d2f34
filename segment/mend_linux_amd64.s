#include "textflag.h"

#define BUS_ADRERR 2
#define EARLIER \
	MOVQ ·earlierSIGBUS(SB), AX \
	JMP  AX

// The kernel calls this with the signal in DI, its siginfo in SI and the context in DX, on the thread's signal stack. All registers get their
// values back when it returns, to the restorer that the runtime has given.
//
// func sigbus()
TEXT ·sigbus(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	CMPL 8(SI), $BUS_ADRERR // si_code
	JNE  earlier
	MOVQ 16(SI), R8         // si_addr
	LOCK
	INCL ·mending(SB)       // a full barrier: who ends a Mend sees it, or the end is 0 below
	MOVQ ·firstMend(SB), R9
	XORL R12, R12           // is it ours?

	// Everybody who uses the memory is told, before it can be read. The end comes before the rest: it is stored last.
each:
	TESTQ R9, R9
	JZ    told
	CMPQ  R8, 16(R9) // end
	JAE   next
	CMPQ  R8, 8(R9)  // first
	JB    next
	MOVL  $1, R12
	MOVQ  R8, 32(R9) // at
	MOVQ  24(R9), R11 // notice
	TESTQ R11, R11
	JZ    next
	XORL  AX, AX
	MOVL  $1, CX
	LOCK
	CMPXCHGL CX, 0(R11)
next:
	MOVQ 0(R9), R9
	JMP  each

told:
	LOCK
	DECL ·mending(SB)
	TESTL R12, R12
	JZ    earlier
	MOVQ  DI, R12
	MOVQ  SI, R13
	MOVQ  DX, R14
	MOVQ  ·pageSize(SB), SI
	MOVQ  SI, DI
	NEGQ  DI
	ANDQ  R8, DI
	MOVL  $3, DX     // PROT_READ | PROT_WRITE
	MOVL  $0x32, R10 // MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
	MOVQ  $-1, R8
	XORL  R9, R9
	MOVL  $9, AX     // mmap
	SYSCALL
	CMPQ  AX, $-4095
	JAE   failed
	RET
failed:
	MOVQ R12, DI
	MOVQ R13, SI
	MOVQ R14, DX
earlier:
	EARLIER

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	MOVQ $·sigbus(SB), AX
	MOVQ AX, ret+0(FP)
	RET
