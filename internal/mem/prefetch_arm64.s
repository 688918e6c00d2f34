#include "textflag.h"

// func Prefetch(w *Word, p *byte)
TEXT ·Prefetch(SB), NOSPLIT, $0-16
	MOVD w+0(FP), R0
	MOVD p+8(FP), R1
	PRFM (R0), PSTL1KEEP
	PRFM (R1), PSTL1KEEP
	RET
