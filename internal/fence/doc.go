// Package fence has the full barrier that a process makes others pass: membarrier(2). Who stores and then loads for every frame can do without a
// barrier of its own between the two, if those for whom that barrier would be, and who come seldom, make it pass one when they come.
//
// What pairs with it are Dekker's two stores and two loads: the frequent side stores and then loads what the rare side has stored; the rare
// side stores, calls All, and then loads what the frequent side stores. Then one of the loads finds the other side's store. The
// frequent side's process must have found that All reaches it; until then it has barriers of its own (mem.Fence).
package fence
