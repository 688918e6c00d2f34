package main

import (
	"strings"

	"shmbus/bus"
)

// A node is a part of topics' names: one that is a topic, or has others below it, or both.
type node struct {
	part  string
	topic *bus.TopicInfo // nil: no topic has this name
	below []*node
}

// newTree puts topics, which are sorted by name, into a tree by the parts of their names.
func newTree(all []bus.TopicInfo) *node {
	root := &node{}
	for i := range all {
		at := root
		for part := range strings.SplitSeq(all[i].Name, "/") {
			at = at.child(part)
		}
		at.topic = &all[i]
	}
	return root
}

// child is the node below n of that name.
func (n *node) child(part string) *node {
	for _, c := range n.below { // its like may lie before others: "a", "a-b", "a/c" is the order of names
		if c.part == part {
			return c
		}
	}
	c := &node{part: part}
	n.below = append(n.below, c)
	return c
}

// walk calls f for all nodes below n, each after the one it is below, with its name drawn as a branch of the tree.
func (n *node) walk(stem string, f func(name string, n *node)) {
	for i, c := range n.below {
		branch, trunk := "├── ", "│   "
		if i == len(n.below)-1 {
			branch, trunk = "└── ", "    "
		}
		f(stem+branch+c.part, c)
		c.walk(stem+trunk, f)
	}
}

// draw calls f for all nodes with their names drawn. Those at the top hang on nothing.
func (n *node) draw(f func(name string, n *node)) {
	for _, c := range n.below {
		f(c.part, c)
		c.walk("", f)
	}
}
