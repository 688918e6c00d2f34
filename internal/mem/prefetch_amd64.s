#include "textflag.h"

// The assembler has no name for PREFETCHW. CPUs without it take it for a no-op.
#define PREFETCHW_AX BYTE $0x0F; BYTE $0x0D; BYTE $0x08

// func prefetch(p *byte, stride uintptr, n int)
TEXT ·prefetch(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), AX
	MOVQ stride+8(FP), BX
	MOVQ n+16(FP), CX
again:
	PREFETCHW_AX
	ADDQ BX, AX
	SUBQ $1, CX
	JHI  again
	RET
