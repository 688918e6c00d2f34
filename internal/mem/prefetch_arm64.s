#include "textflag.h"

// func prefetch(p *byte, stride uintptr, n int)
TEXT ·prefetch(SB), NOSPLIT, $0-24
	MOVD p+0(FP), R0
	MOVD stride+8(FP), R1
	MOVD n+16(FP), R2
again:
	PRFM (R0), PSTL1KEEP
	ADD  R1, R0, R0
	SUBS $1, R2, R2
	BHI  again
	RET
