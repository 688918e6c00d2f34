#include "textflag.h"

// func prefetchStore(p, q unsafe.Pointer)
TEXT ·prefetchStore(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD q+8(FP), R1
	PRFM (R0), PSTL1KEEP
	PRFM (R1), PSTL1KEEP
	RET

// func prefetchStores(p unsafe.Pointer, stepP uintptr, q unsafe.Pointer, stepQ uintptr, n int)
TEXT ·prefetchStores(SB), NOSPLIT, $0-40
	MOVD p+0(FP), R0
	MOVD stepP+8(FP), R1
	MOVD q+16(FP), R2
	MOVD stepQ+24(FP), R3
	MOVD n+32(FP), R4

again:
	PRFM (R0), PSTL1KEEP
	PRFM (R2), PSTL1KEEP
	ADD  R1, R0, R0
	ADD  R3, R2, R2
	SUBS $1, R4, R4
	BHI  again
	RET

// func prefetchLoads(p unsafe.Pointer, step uintptr, n int)
TEXT ·prefetchLoads(SB), NOSPLIT, $0-24
	MOVD p+0(FP), R0
	MOVD step+8(FP), R1
	MOVD n+16(FP), R2

again:
	PRFM (R0), PLDL1KEEP
	ADD  R1, R0, R0
	SUBS $1, R2, R2
	BHI  again
	RET
