// Package cpu has what the processor offers and Go has no words for: the pause of a spinning loop, and pinning a thread.
package cpu
