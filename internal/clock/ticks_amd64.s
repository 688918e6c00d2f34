#include "go_asm.h"
#include "funcdata.h"
#include "textflag.h"

// func Now(c *Clock) int64
TEXT ·Now(SB), 0, $16-16
	NO_LOCAL_POINTERS
	MOVQ c+0(FP), BX
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ (Clock_last+sample_ticks)(BX), AX
	CMPQ AX, Clock_limit(BX)
	JAE  slow
	MULQ Clock_rate(BX)
	SHRQ $32, DX, AX
	ADDQ (Clock_last+sample_ns)(BX), AX
	MOVQ AX, ret+8(FP)
	RET

slow:
	MOVQ BX, 0(SP)
	CALL ·slow(SB)
	MOVQ 8(SP), AX
	MOVQ AX, ret+8(FP)
	RET

// func ticks() uint64
TEXT ·ticks(SB), NOSPLIT, $0-8
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, ret+0(FP)
	RET

// func invariant() bool
TEXT ·invariant(SB), NOSPLIT, $0-1
	MOVL $0x80000000, AX
	CPUID
	CMPL AX, $0x80000007
	JB   no
	MOVL $0x80000007, AX
	CPUID
	SHRL $8, DX
	ANDL $1, DX
	MOVB DX, ret+0(FP)
	RET
no:
	MOVB $0, ret+0(FP)
	RET
