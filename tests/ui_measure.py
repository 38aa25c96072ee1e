#!/usr/bin/env python3
"""Measures the screen: how soon a key shows, what a sleeping screen costs training, bytes idle and running,
what the screen costs training (its own, and one that was attached, left, and attached again), and whether a
watched run leaves the same bytes.

    ui_measure.py VACCINE [--only WORD]... [--quick] [--folder DIR]

Prints one line for each figure with its limit; exit 1 when one is beyond its limit, and which. Needs an idle
machine: all cores train. No model is needed: a random one is made first, of a size that makes steps slow.
--quick takes few samples, to see that everything works; --only takes figures whose name holds the word.
"""
import argparse, atexit, fcntl, glob, json, os, pty, random, select, shutil, signal, statistics, struct
import subprocess, sys, tempfile, termios, time

MINUTES = 40  # for everything; a hang ends the script
options = None
screens = []
missed = []


class Failed(Exception):
    pass


def report(what, value, unit, most=None, least=None):
    good = (most is None or value <= most) and (least is None or value >= least)
    limit = f"at most {most:g}" if most is not None else f"at least {least:g}" if least is not None else "no limit"
    print(f"{what:58s} {value:10.3f} {unit:8s} ({limit}) {'ok' if good else 'MISSED'}", flush=True)
    if not good:
        missed.append(what)


# --- a program in a terminal ---

class Screen:
    def __init__(self, argv, width, height):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", XDG_STATE_HOME=options.folder, HOME=options.folder,
                              LC_ALL="C.UTF-8", LINES="", COLUMNS="")
            del os.environ["LINES"], os.environ["COLUMNS"]
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
                os.execvp(argv[0], argv)
            finally:
                os._exit(126)
        os.set_blocking(self.fd, False)
        self.ended = False
        self.last = b""
        screens.append(self)

    def take(self):
        """All that has come; -1 when the program is gone."""
        n = 0
        while True:
            try:
                got = os.read(self.fd, 65536)
            except BlockingIOError:
                return n
            except OSError:
                return -1
            if not got:
                return -1
            self.last = (self.last + got)[-4000:]
            n += len(got)

    def read(self, seconds):
        """Bytes that come within so many seconds."""
        end, n = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                got = self.take()
                if got < 0:
                    raise Failed("the program ended: " + self.last.decode("utf-8", "replace")[-400:])
                n += got
        return n

    def until(self, true, seconds, what):
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                raise Failed(f"waited {seconds:g} s for {what}")
            self.read(0.05)

    def type(self, keys):
        os.write(self.fd, keys)

    def key(self, key):
        """Seconds from a key to the first byte that answers it; what was under way is let pass first."""
        while self.read(0.008):
            pass
        start = time.monotonic()
        os.write(self.fd, key)
        if not select.select([self.fd], [], [], 2)[0]:
            return 2.0
        return time.monotonic() - start

    def seconds(self):
        """Processor time of the screen's thread, which is the first."""
        with open(f"/proc/{self.pid}/task/{self.pid}/stat") as f:
            part = f.read().rsplit(")", 1)[1].split()
        return (int(part[11]) + int(part[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self.ended:
            return
        self.ended = True
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass
            end = time.monotonic() + 20
            while time.monotonic() < end:
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    os.close(self.fd)
                    return
                if select.select([self.fd], [], [], 0.05)[0]:
                    self.take()


# --- runs ---

def lines(folder):
    """Whole lines of metrics.jsonl so far."""
    try:
        with open(os.path.join(folder, "metrics.jsonl"), "rb") as f:
            return [json.loads(x) for x in f.read().split(b"\n")[:-1]]
    except FileNotFoundError:
        return []


def count(folder):
    try:
        with open(os.path.join(folder, "metrics.jsonl"), "rb") as f:
            return f.read().count(b"\n")
    except FileNotFoundError:
        return 0


def path(name):
    return os.path.join(options.folder, name)


def rows(name, n, tokens):
    r = random.Random(name)
    with open(path(name), "w") as f:
        for _ in range(n):
            ids = [r.randrange(3, 1000) for _ in range(tokens)]
            f.write(json.dumps({"input_ids": ids, "labels": [-100] * (tokens // 2) + ids[tokens // 2:]}) + "\n")


def headless(file, out):
    try:
        done = subprocess.run([options.program, "run", path(file), "-o", path(out)], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=600)
    except subprocess.TimeoutExpired:
        raise Failed(f"vaccine run {file} did not end in 600 s")
    if done.returncode:
        raise Failed(f"vaccine run {file}: {done.stderr.decode()}")
    return path(out)


def write_run(name, model, data, batch, steps, **more):
    run = {"max_length": 128, "seed": 1, "threads": 0, "checkpoint": {"steps": 0, "minutes": 0}, **model,
           "watch": {"every": 20, "drift": {"file": data, "take": 8}},
           "stages": [{"name": "align", "method": "vaccine", "rho": 2, "train": [data], "batch_size": batch,
                       "steps": steps, "lr": 1e-4, "lora": {"r": 8, "alpha": 16}, **more}]}
    with open(path(name), "w") as f:
        json.dump(run, f)


def make_model(name, d, layers):
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 1000, "hidden_size": d,
              "intermediate_size": d * 8 // 3 // 16 * 16, "num_hidden_layers": layers, "num_attention_heads": 8,
              "num_key_value_heads": 8, "hidden_act": "silu", "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
              "rope_theta": 10000.0, "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2}
    write_run(f"{name}.json", {"init": "random", "config": config}, "short.jsonl", 1, 1, method="sft", rho=0, lora=None)
    text = json.load(open(path(f"{name}.json")))
    del text["watch"], text["stages"][0]["rho"]
    json.dump(text, open(path(f"{name}.json"), "w"))
    return {"model": os.path.join(headless(f"{name}.json", name), "final")}


def sized_run(name, model, data, milliseconds, steps):
    """A run whose steps take about so long: the batch is made to fit. Returns milliseconds of a step."""
    batch, took = 1, 0
    for _ in range(4):
        write_run(f"{name}.json", model, data, batch, 4)
        out = headless(f"{name}.json", f"{name}-try")
        took = min(x["step_ms"] for x in lines(out)[1:])
        shutil.rmtree(out)
        if milliseconds <= took <= 1.6 * milliseconds:
            break
        batch = max(1, min(200, round(batch * 1.25 * milliseconds / took)))
    write_run(f"{name}.json", model, data, batch, steps)
    return took


number = 0


def watched(file, width, height, *more):
    """A run on the screen; waits for its first steps."""
    global number
    number += 1
    out = path(f"run{number}")
    s = Screen([options.program, path(file), "-o", out, *more], width, height)
    s.out = out
    s.until(lambda: count(out) >= 2, 120, "the first step")
    s.type(b"\033")  # the first-time hint
    s.read(1)
    return s


# --- figures ---

def measure_keys():
    s = watched("slow.json", 80, 24)
    s.type(b"2")
    s.read(0.5)
    n = 60 if options.quick else 500
    times = []
    while len(times) < n:
        s.read(random.uniform(0.005, 0.03))
        times.append(1000 * s.key(b"jk"[len(times) % 2:][:1]))
    times.sort()
    steps = [x["step_ms"] for x in lines(s.out) if x["step"] > 1]
    s.close()
    report("keys: a step takes, median", statistics.median(steps) / 1000, "s", least=1)
    report(f"keys: key to first changed byte, {n} keys, p50", times[n // 2], "ms")
    report(f"keys: key to first changed byte, {n} keys, p99", times[min(n - 1, n * 99 // 100)], "ms", most=20)
    report(f"keys: key to first changed byte, {n} keys, slowest", times[-1], "ms")


def measure_stall():
    rates = []
    s = watched("quick.json", 80, 24)
    for _ in range(1 if options.quick else 10):
        def window():
            first, start = count(s.out), time.monotonic()
            s.read(5)
            return (count(s.out) - first) / (time.monotonic() - start)
        before = window()
        s.type(b":stall 5.5\r")
        s.read(0.25)
        asleep = window()
        s.read(1)
        after = window()
        print(f"  steps/s before, asleep, after: {before:.2f} {asleep:.2f} {after:.2f}")
        rates.append(2 * asleep / (before + after))
    s.close()
    report("stall: steps while the screen sleeps 5 s, of those before and after", 100 * statistics.median(rates), "%",
           least=95)


def measure_idle():
    s = watched("slow.json", 80, 24)
    s.type(b"c ")
    s.until(lambda: b"PAUSED" in s.last, 20, "the pause")
    s.read(3)
    report("idle: paused, 10 s", s.read(10), "bytes", most=0)
    s.close()
    s = watched("short.json", 80, 24)
    s.until(lambda: os.path.isdir(os.path.join(s.out, "final")), 60, "the end of the run")
    s.read(3)
    report("idle: finished run, 10 s", s.read(10), "bytes", most=0)
    s.close()


def measure_bytes():
    seconds = 5 if options.quick else 20
    for file, what in (("slow.json", "steps of >= 1 s"), ("quick.json", "many steps a second"),
                       ("rapid.json", "as many steps as there can be")):
        for width, height, most, more in ((80, 24, 4, []), (200, 60, 12, []), (80, 24, 1, ["--slow"])):
            s = watched(file, width, height, *more)
            s.read(3)
            report(f"bytes: {width}x{height} {' '.join(more)} {what}", s.read(seconds) / seconds / 1000, "kB/s",
                   most=most)
            s.close()


def rate(folder, before):
    """Steps a second by the run's own clock, of the lines after so many."""
    x = lines(folder)[before:]
    return (x[-1]["step"] - x[0]["step"]) / (x[-1]["wall"] - x[0]["wall"])


def middle(x):
    """Mean without the tenth at either end, where other programs' doings are."""
    x = sorted(x)
    cut = len(x) // 10
    return statistics.mean(x[cut:len(x) - cut])


def same_weights(a, b):
    names = sorted(os.path.relpath(x, a) for x in glob.glob(os.path.join(a, "final", "**", "*.safetensors"),
                                                            recursive=True))
    if not names:
        raise Failed(f"{a}: no weights in final/")
    return all(open(os.path.join(a, x), "rb").read() == open(os.path.join(b, x), "rb").read() for x in names)


def turn(pid, folder, wait):
    """Lets a stopped run go on; its steps a second when it has picked up its pace."""
    os.kill(pid, signal.SIGCONT)
    wait(0.4)  # the screen paints itself anew
    before = count(folder)
    wait(1.5)
    os.kill(pid, signal.SIGSTOP)
    return rate(folder, before)


def begin_plain(out):
    """A run without a screen, a few steps on."""
    child = subprocess.Popen([options.program, "run", path("quick.json"), "-o", out], stdout=subprocess.DEVNULL)
    while count(out) < 2:
        if child.poll() is not None:
            raise Failed(f"vaccine run quick.json ended with {child.returncode}")
        time.sleep(0.05)
    return child


def attached(out):
    """The screen of a run that another program runs, left once and come back to."""
    for last in (False, True):
        s = Screen([options.program, "attach", out], 200, 60)
        s.until(lambda: b"you have control" in s.last, 20, "control")
        s.read(1)
        if last:
            s.out = out
            return s
        s.type(b"q")
        end = time.monotonic() + 20
        while s.take() >= 0:
            if time.monotonic() > end:
                raise Failed("the screen that was attached did not leave")
            time.sleep(0.05)
        s.close()


def take_turns(turns):
    """Two runs of the same file take turns, so that what else the machine does falls on both alike. Returns how
    fast the one with a screen was beside the other, turn by turn, and the part of the cores that the screen took."""
    plain, behind, ratios = path("plain"), path("behind"), []
    child, other, s = None, None, None
    try:
        child = begin_plain(plain)
        child.send_signal(signal.SIGSTOP)
        other = begin_plain(behind)
        s = attached(behind)
        begun, used = time.monotonic(), s.seconds()
        s.read(3)
        own = (s.seconds() - used) / (time.monotonic() - begun) / os.cpu_count()
        other.send_signal(signal.SIGSTOP)
        for i in range(turns):
            got = {}
            for how in ("plain", "screen") if i % 2 else ("screen", "plain"):
                got[how] = turn(child.pid, plain, time.sleep) if how == "plain" else turn(other.pid, behind, s.read)
            ratios.append(got["screen"] / got["plain"])
    finally:
        for one in (child, other):
            if one:
                one.kill()
                one.wait()
        if s:
            s.close()
        shutil.rmtree(plain, ignore_errors=True)
        shutil.rmtree(behind, ignore_errors=True)
    return ratios, own


def span(x, begun, window):
    """Steps a second by the run's clock, which began at begun, in a window of ours; None when the machine stood still."""
    inside = [line for line in x if window[0] <= line["wall"] + begun <= window[1]]
    if len(inside) < 3:
        return None
    return (inside[-1]["step"] - inside[0]["step"]) / (inside[-1]["wall"] - inside[0]["wall"])


def measure_cost():
    """The screen draws and sleeps in turns, within one run: two runs of one file differ by more than what is sought,
    by where their memory happens to lie (two without a screen: 8 and 12 % on a machine that did nothing else). Each
    time that it drew is set against the times that it slept before and after."""
    windows, x, n = {"draws": [], "sleeps": []}, [], 15 if options.quick else 150
    s = watched("quick.json", 200, 60)
    s.read(3)
    begun, used = time.monotonic(), s.seconds()
    for _ in range(n):
        for how in windows:
            if how == "sleeps":
                s.type(b":stall 1.35\r")
                s.read(0.2)
            start = time.time()
            s.read(1)
            windows[how].append((start, time.time()))
        s.read(0.35)
    own = (s.seconds() - used) / (time.monotonic() - begun) / os.cpu_count()
    x = lines(s.out)
    start = time.time() - x[-1]["wall"]
    s.close()
    draws, sleeps = ([span(x, start, w) for w in windows[how]] for how in ("draws", "sleeps"))
    ratios = [2 * draws[i] / (sleeps[i - 1] + sleeps[i]) for i in range(1, n)
              if draws[i] and sleeps[i - 1] and sleeps[i]]
    if not ratios:
        raise Failed("no turn had three steps")
    cost = lambda r: 100 * (1 - statistics.median(r))
    again = sorted(cost(random.choices(ratios, k=len(ratios))) for _ in range(2000))
    print(f"  95 % of samples of {len(ratios)} turns say {again[50]:.2f} to {again[-50]:.2f} %, {n - 1 - len(ratios)} left out")
    report("cost: of the screen (200x60), in steps a second", cost(ratios), "%", most=1)
    report("cost: processor time of the screen's thread, of all cores", 100 * own, "%", most=1)


def measure_attached():
    """Of several pairs of runs, of which the one has a screen that another program shows."""
    took = [take_turns(6 if options.quick else 12) for _ in range(2 if options.quick else 10)]
    sets = [ratios for ratios, _ in took]
    cost = lambda sets: 100 * (1 - middle([x for ratios in sets for x in ratios]))
    again = sorted(cost(random.choices(sets, k=len(sets))) for _ in range(2000))
    print("  pairs of runs, each: " + " ".join(f"{cost([x]):.2f}" for x in sets) + " %")
    print(f"  95 % of samples of these say {again[50]:.2f} to {again[-50]:.2f} %")
    report("attached: of the screen (200x60), in steps a second", cost(sets), "%", most=1)
    report("attached: processor time of the screen's thread, of all cores",
           100 * statistics.median(own for _, own in took), "%", most=1)


def measure_same():
    pairs, same = 2 if options.quick else 7, 0
    for i in range(pairs):
        plain = headless("same.json", f"same{i}")
        s = watched("same.json", 200, 60)
        s.until(lambda: os.path.isdir(os.path.join(s.out, "final")), 300, "the end of the run")
        s.close()
        same += same_weights(plain, s.out)
    report(f"same: watched runs with the headless run's bytes, of {pairs}", same, "runs", least=pairs)


def measure_others():
    for name in ("htop", "btop"):
        if not shutil.which(name):
            print(f"  {name} is not installed: not measured")
            continue
        s = Screen([name], 80, 24)
        s.read(4)
        report(f"others: {name}, 80x24", s.read(20) / 20 / 1000, "kB/s")
        s.close()


def prepare():
    rows("long.jsonl", 400, 120)
    rows("short.jsonl", 64, 16)
    large, small = make_model("large", 640, 4), make_model("small", 64, 2)
    ms = sized_run("slow", large, "long.jsonl", 1400, 100000)
    print(f"  slow run: steps of {ms:.0f} ms")
    ms = sized_run("quick", make_model("middle", 256, 4), "short.jsonl", 50, 1000000)
    print(f"  quick run: steps of {ms:.1f} ms")
    few = json.load(open(path("quick.json")))
    few["stages"][0]["steps"] = 60
    json.dump(few, open(path("same.json"), "w"))
    write_run("rapid.json", small, "short.jsonl", 1, 10000000)
    write_run("short.json", small, "short.jsonl", 1, 50)


def clean():
    for s in screens:
        try:
            s.close()
        except OSError:
            pass
    if options and options.made:
        shutil.rmtree(options.folder, ignore_errors=True)


def too_long(*_):
    raise Failed(f"took more than {MINUTES} minutes")


def main():
    global options
    parser = argparse.ArgumentParser(description="Measures the screen.")
    parser.add_argument("program", metavar="VACCINE")
    parser.add_argument("--only", action="append", metavar="WORD", default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--folder", help="where runs are made; a temporary one when absent")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    options.made = not options.folder
    options.folder = os.path.abspath(options.folder or tempfile.mkdtemp(prefix="vaccine-ui-"))
    os.makedirs(options.folder, exist_ok=True)
    atexit.register(clean)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(60 * MINUTES)
    random.seed(1)
    figures = {"keys": measure_keys, "stall": measure_stall, "idle": measure_idle, "bytes": measure_bytes,
               "cost": measure_cost, "attached": measure_attached, "same": measure_same, "others": measure_others}
    try:
        prepare()
    except Failed as e:
        sys.exit(f"ui_measure.py: {e}")
    for name, measure in figures.items():
        if options.only and not any(word in name for word in options.only):
            continue
        try:
            measure()
        except Failed as e:
            print(f"{name}: {e}", flush=True)
            missed.append(name)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
