#include "textflag.h"

// func Prefetch(v, w *Word, p *byte)
TEXT ·Prefetch(SB), NOSPLIT, $0-24
	MOVD v+0(FP), R0
	MOVD w+8(FP), R1
	MOVD p+16(FP), R2
	PRFM (R0), PSTL1KEEP
	PRFM (R1), PSTL1KEEP
	PRFM (R2), PSTL1KEEP
	RET
