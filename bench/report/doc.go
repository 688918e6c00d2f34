// Package report is what the benchmark has found, and how it is shown.
//
//	result.go   cells, runs, and what is worked out from them
//	within.go   ratios within a round
//	merge.go    a result of a part, and what is kept of an older one
//	earlier.go  figures measured earlier on the build machine, to compare with
//	marks.go    what cells should be; verdict.go how that is judged
//	table.go    text for a terminal
//	markdown.go tables in docs/BENCHMARKS.md, between markers
//	svg.go      plots of cells; foot.go what stands below all plots
//	growth.go   series: what something costs as something grows; kinds.go how each is shown, notes.go what its figures say, cliffs.go
//	where they jump,
//	growthmarks.go what they should be
//	plot.go     plots of series; axis.go where values are in them, labels.go where texts are
package report
