#include "textflag.h"

// The assembler has no name for PREFETCHW. CPUs without it take it for a no-op.
#define PREFETCHW_AX BYTE $0x0F; BYTE $0x0D; BYTE $0x08
#define PREFETCHW_BX BYTE $0x0F; BYTE $0x0D; BYTE $0x0B
#define PREFETCHW_CX BYTE $0x0F; BYTE $0x0D; BYTE $0x09

// func Prefetch(v, w *Word, p *byte)
TEXT ·Prefetch(SB), NOSPLIT, $0-24
	MOVQ v+0(FP), AX
	MOVQ w+8(FP), BX
	MOVQ p+16(FP), CX
	PREFETCHW_AX
	PREFETCHW_BX
	PREFETCHW_CX
	RET
