package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"shmbus/bus"
)

// bashWords stands in for what the package bash-completion brings: it hands the words of the command line to the script.
const bashWords = `
_init_completion() {
	words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
}
source <(buscat completion bash)
complete -p buscat
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
__start_buscat
printf '%s\n' "${COMPREPLY[@]}"
`

func TestBashCompletesTopicsByTheScript(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash here: ", err)
	}
	b := openBus(t)
	for _, name := range []string{"sensors/a", "sensors/b", "logs"} {
		if err := b.CreateTopic(name, bus.TopicOptions{Slots: 2}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ line, want string }{
		{"tap sens", "sensors/a sensors/b"},
		{"rm sensors/a s", "sensors/b"},
		{"lo", "logs"},
		{"kick sensors/a s", ""},
		{"vers", "version"},
		{"completion f", "fish"},
	} {
		words := append([]string{"-c", bashWords, "bash", "buscat", "--bus", b.Dir()}, strings.Fields(c.line)...)
		cmd := exec.Command(bash, words...)
		var errs strings.Builder
		cmd.Stderr = &errs // "compopt: not currently executing completion function": that is so here
		out, err := cmd.Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err != nil || !strings.HasPrefix(lines[0], "complete ") {
			t.Fatalf("%s: %v: %s%s", c.line, err, out, errs.String())
		}
		var got []string
		for _, l := range lines[1:] { // with what they are behind them
			if word, _, _ := strings.Cut(l, " "); word != "" {
				got = append(got, word)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q is completed to %q, want %q", c.line, got, c.want)
		}
	}
}

func TestShellsTakeTheScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skip("it is not here to read its script: ", err)
			}
			script, err := exec.Command("buscat", "completion", shell).Output()
			if err != nil {
				t.Fatal(err)
			}
			check := exec.Command(path, "-n")
			check.Stdin = strings.NewReader(string(script))
			if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

func TestFishCompletesTopicsByTheScript(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("no fish here: ", err)
	}
	b := openBus(t)
	if err := b.CreateTopic("sensors/a", bus.TopicOptions{Slots: 2}); err != nil {
		t.Fatal(err)
	}
	line := "buscat --bus " + b.Dir() + " tap sens"
	out, err := exec.Command(fish, "--no-config", "-c", "buscat completion fish | source; complete -C '"+line+"'").CombinedOutput()
	if err != nil || string(out) != "sensors/a\toverwrite, 0 frames\n" {
		t.Errorf("%q is completed to %q, %v", line, out, err)
	}
}

func TestTheUsageLineSaysWhatArgumentsAre(t *testing.T) {
	for use, want := range map[string]string{
		"ls": "", "tap TOPIC...": "TOPIC...", "kick TOPIC ID": "TOPIC ID", "record -o FILE TOPIC...": "TOPIC...",
		"record [-o FILE] [--zstd] TOPIC...": "TOPIC...", "replay [flags] FILE": "FILE", "x --a=B DIR": "DIR",
	} {
		if got := strings.Join(argWords(use), " "); got != want {
			t.Errorf("%q: %q, want %q", use, got, want)
		}
	}
}
