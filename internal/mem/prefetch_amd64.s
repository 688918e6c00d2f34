#include "textflag.h"

// The assembler has no name for PREFETCHW. CPUs without it take it for a no-op.
#define PREFETCHW_AX BYTE $0x0F; BYTE $0x0D; BYTE $0x08
#define PREFETCHW_DX BYTE $0x0F; BYTE $0x0D; BYTE $0x0A

// func prefetchStore(p, q unsafe.Pointer)
TEXT ·prefetchStore(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), AX
	MOVQ q+8(FP), DX
	PREFETCHW_AX
	PREFETCHW_DX
	RET

// func prefetchStores(p unsafe.Pointer, stepP uintptr, q unsafe.Pointer, stepQ uintptr, n int)
TEXT ·prefetchStores(SB), NOSPLIT, $0-40
	MOVQ p+0(FP), AX
	MOVQ stepP+8(FP), BX
	MOVQ q+16(FP), DX
	MOVQ stepQ+24(FP), SI
	MOVQ n+32(FP), CX

again:
	PREFETCHW_AX
	PREFETCHW_DX
	ADDQ BX, AX
	ADDQ SI, DX
	SUBQ $1, CX
	JHI  again
	RET

// func prefetchLoads(p unsafe.Pointer, step uintptr, n int)
TEXT ·prefetchLoads(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), AX
	MOVQ step+8(FP), BX
	MOVQ n+16(FP), CX

again:
	PREFETCHT0 (AX)
	ADDQ BX, AX
	SUBQ $1, CX
	JHI  again
	RET
