#include "textflag.h"

#define BUS_ADRERR 2

// The kernel calls this with the signal in R0, its siginfo in R1 and the context in R2, on the thread's signal stack. All registers get their
// values back when it returns, to R30.
//
// func sigbus()
TEXT ·sigbus(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVW 8(R1), R9          // si_code
	CMPW $BUS_ADRERR, R9
	BNE  earlier
	MOVD 16(R1), R10        // si_addr
	MOVD $·mending(SB), R9
begin:
	LDAXRW (R9), R14
	ADDW   $1, R14, R14
	STLXRW R14, (R9), R15   // the ends are loaded after it: who ends a Mend sees it, or the end is 0 below
	CBNZW  R15, begin
	MOVD ·firstMend(SB), R11
	MOVD ZR, R12            // is it ours?

	// Everybody who uses the memory is told, before it can be read. The end comes before the rest: it is stored last.
each:
	CBZ  R11, told
	ADD  $16, R11, R13
	LDAR (R13), R13         // end
	CMP  R13, R10
	BHS  next
	MOVD 8(R11), R13        // first
	CMP  R13, R10
	BLO  next
	MOVD $1, R12
	MOVD R10, 32(R11)       // at
	MOVD 24(R11), R13       // notice
	CBZ  R13, next
again:
	LDAXRW (R13), R14
	CBNZW  R14, next
	MOVW   $1, R15
	STLXRW R15, (R13), R14
	CBNZW  R14, again
next:
	MOVD 0(R11), R11
	B    each

told:
	LDAXRW (R9), R14
	SUBW   $1, R14, R14
	STLXRW R14, (R9), R15
	CBNZW  R15, told
	CBZ  R12, earlier
	MOVD R0, R12
	MOVD R1, R13
	MOVD R2, R14
	MOVD ·pageSize(SB), R1
	NEG  R1, R0
	AND  R10, R0, R0
	MOVD $3, R2             // PROT_READ | PROT_WRITE
	MOVD $0x32, R3          // MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
	MOVD $-1, R4
	MOVD ZR, R5
	MOVD $222, R8           // mmap
	SVC
	CMN  $4095, R0
	BHS  failed
	RET  (R30)
failed:
	MOVD R12, R0
	MOVD R13, R1
	MOVD R14, R2
earlier:
	MOVD ·earlierSIGBUS(SB), R9
	JMP  (R9)

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	MOVD $·sigbus(SB), R0
	MOVD R0, ret+0(FP)
	RET
