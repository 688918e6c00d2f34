package main
import ("testing";"context";"time";"os/exec";"bufio";"fmt";"slices";"shmbus/bus")
func TestZZ(t *testing.T){
	b := openBus(t)
	p := publisher(t, b, "t", bus.TopicOptions{})
	_, lines, r := tapping(t, b, p)
	c := exec.Command("cat"); ci,_ := c.StdinPipe(); co,_ := c.StdoutPipe(); c.Start(); cr := bufio.NewReader(co)
	var a, d []time.Duration
	for i := range 150 {
		time.Sleep(400*time.Millisecond)
		s := time.Now(); w := fmt.Sprint("f ",i); p.Publish(context.Background(), []byte(w)); readLine(t, r, lines, w); a = append(a, time.Since(s))
		time.Sleep(20*time.Millisecond)
		s = time.Now(); fmt.Fprintln(ci, w); cr.ReadString('\n'); d = append(d, time.Since(s))
	}
	slices.Sort(a); slices.Sort(d)
	t.Log("tap", a[75], a[120], a[140:])
	t.Log("cat", d[75], d[120], d[140:])
	c.Process.Kill()
}
