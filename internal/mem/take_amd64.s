#include "textflag.h"

// func takeUnchanged(p unsafe.Pointer, lines int)
TEXT ·takeUnchanged(SB), NOSPLIT, $0-16
	MOVQ  p+0(FP), AX
	MOVQ  lines+8(FP), CX
	KXORQ K1, K1, K1

again:
	TESTQ $4095, AX
	JEQ   touch

take:
	VMOVDQU8 X0, K1, (AX)
	ADDQ     $64, AX
	SUBQ     $1, CX
	JHI      again
	RET

touch:
	LOCK
	ORB $0, (AX)
	JMP take
