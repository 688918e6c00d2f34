#include "textflag.h"

// func loadTicks(p unsafe.Pointer) uint64
TEXT ·loadTicks(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	LFENCE
	RDTSC
	LFENCE
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, BX
	MOVB (SI), CX
	LFENCE
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ BX, AX
	MOVQ AX, ret+8(FP)
	RET
