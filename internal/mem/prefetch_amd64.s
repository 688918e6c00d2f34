#include "textflag.h"

// The assembler has no name for PREFETCHW. CPUs without it take it for a no-op.
#define PREFETCHW_AX BYTE $0x0F; BYTE $0x0D; BYTE $0x08
#define PREFETCHW_CX BYTE $0x0F; BYTE $0x0D; BYTE $0x09

// func Prefetch(w *Word, p *byte)
TEXT ·Prefetch(SB), NOSPLIT, $0-16
	MOVQ w+0(FP), AX
	MOVQ p+8(FP), CX
	PREFETCHW_AX
	PREFETCHW_CX
	RET
