#include "textflag.h"

// The assembler has no name for PREFETCHW (AX). CPUs without it take it for a no-op.
#define PREFETCHW_AX BYTE $0x0F; BYTE $0x0D; BYTE $0x08

// func PrefetchWord(w *Word)
TEXT ·PrefetchWord(SB), NOSPLIT, $0-8
	MOVQ w+0(FP), AX
	PREFETCHW_AX
	RET

// func PrefetchByte(p *byte)
TEXT ·PrefetchByte(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	PREFETCHW_AX
	RET
