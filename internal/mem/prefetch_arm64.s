#include "textflag.h"

// func PrefetchWord(w *Word)
TEXT ·PrefetchWord(SB), NOSPLIT, $0-8
	MOVD w+0(FP), R0
	PRFM (R0), PSTL1KEEP
	RET

// func PrefetchByte(p *byte)
TEXT ·PrefetchByte(SB), NOSPLIT, $0-8
	MOVD p+0(FP), R0
	PRFM (R0), PSTL1KEEP
	RET
