package segment

import "math"

// The segment file, NAME.seg. Every number is in the byte order of the machine that made the file; offsets are in bytes.
//
//	0               8               16              24              32
//	+---------------+-------+-------+---------------+---------------+
//	| magic         | vers. | order | page size     | nonce         |    0  immutable
//	+---------------+-------+-------+---------------+---------------+
//	| generation    | created       | table offset  | table bytes   |   32
//	+---------------+---------------+---------------+---------------+
//	| part. offset  | participants  | regions start | bell bytes    |   64
//	+---------------+---------------+---------------+---------------+
//	| flags         | reserved, zero                                |   96
//	+---------------+-----------------------------------------------+
//	| state         | reserved, zero (56 bytes)                     |  128  atomic, a line of its own
//	+---------------+-----------------------------------------------+
//	| regions end   | reserved, zero (56 bytes)                     |  192  atomic, a line of its own
//	+---------------+-----------------------------------------------+
//	| reserved, zero, up to the end of the page                     |  256
//	+---------------------------------------------------------------+  table offset, page aligned
//	| topic table: its layout belongs to package topics             |
//	+---------------------------------------------------------------+  part. offset, page aligned
//	| participant table: 64 bytes a slot                            |
//	+---------------------------------------------------------------+  regions start, page aligned
//	| regions: appended by Grow, page aligned, never moved          |
//	+---------------------------------------------------------------+  regions end
//
// One participant, 64 bytes:
//
//	+---------------+---------------+---------------+---------------+
//	| generation    | pid           | start         | opened        |    0
//	+---------------+---------------+---------------+---------------+
//	| reserved, zero                                                |   32
//	+---------------------------------------------------------------+
//
// The bell file, NAME.bell:
//
//	+---------------+-------+-------+---------------+---------------+
//	| magic         | vers. | order | page size     | nonce         |    0  immutable
//	+---------------+-------+-------+---------------+---------------+
//	| bell bytes    | reserved, zero                                |   32
//	+---------------+-----------------------------------------------+
//	| the bell of the topic table (64 bytes)                        |   64
//	+---------------------------------------------------------------+
//	| reserved, zero, up to the end of the page                     |  128
//	+---------------------------------------------------------------+  page size
//	| bells: their layout belongs to package topics                 |
//	+---------------------------------------------------------------+
//
// The lease file, NAME.lease. The bytes that are locked are not the bytes that are stored: a lock on byte i is the lease of
// slot i, whatever stands there, and also where the file has no byte i.
//
//	+---------------+-------+-------+---------------+---------------+
//	| magic         | vers. | order | participants  | nonce         |    0  immutable
//	+---------------+-------+-------+---------------+---------------+
//	| reserved, zero                                                |   32
//	+---------------------------------------------------------------+   64  end of file
const (
	// Version is the layout's version. It changes with any change of an offset or of a field's meaning.
	Version = 5

	magicSegment = "shmbus\x00S"
	magicBell    = "shmbus\x00B"
	magicLease   = "shmbus\x00L"

	orderMark = 0x01020304 // as stored by a machine of the same byte order

	minPage, maxPage = 4096, 1 << 20 // bytes: between them lie the pages of all machines

	// All three files.
	offMagic   = 0  // 8 bytes
	offVersion = 8  // uint32
	offOrder   = 12 // uint32
	offNonce   = 24

	// NAME.seg.
	offPageSize                 = 16
	offGeneration               = 32
	offCreated                  = 40 // unix time in nanoseconds
	offTable                    = 48
	offTableBytes               = 56
	offParticipants             = 64
	offParticipantCount         = 72
	offRegionsStart             = 80
	offBellBytes                = 88
	offFlags                    = 96
	offState                    = 128
	offRegionsEnd               = 192
	headerBytes                 = 256
	participantBytes            = 64
	offParticipantGen           = 0
	offParticipantPID           = 8
	offParticipantStart         = 16
	offParticipantOpened        = 24
	bellHeaderBytes             = 128
	offBellFilePage             = 16
	offBellFileBytes            = 32
	offTableBell                = 64
	tableBellBytes              = 64
	leaseHeaderBytes            = 64
	offLeaseParticipants        = 16
	maxParticipants             = 65535
	defaultParticipants         = 1024
	maxTableBytes               = 1 << 30 // more is taken for a broken header
	maxBellBytes                = 1 << 30
	maxHeadBytes                = 1<<31 - 1 // header, topic table and participants together: one mapping
	ownerSlotBits               = 16
	maxGeneration               = 1<<(64-ownerSlotBits) - 1
	maxFileBytes                = math.MaxInt64
	stateLive            uint64 = 1
	stateDead            uint64 = 2
	flagEphemeral        uint64 = 1
)

// roundUp is n rounded up to a multiple of page, a power of two. The caller has made sure that it does not overflow.
func roundUp(n, page int64) int64 { return (n + page - 1) &^ (page - 1) }
