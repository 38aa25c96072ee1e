#!/usr/bin/env python3
"""Measures the screen: bytes a second, idle bytes, time from a key to the first changed byte, and what the
screen costs training. Prints one line for each figure with its limit.

    ui_measure.py VACCINE FILE.json        (a run long enough for two minutes; TERM=xterm-256color is used)
"""
import fcntl, json, os, pty, select, shutil, signal, struct, subprocess, sys, tempfile, termios, time


class Screen:
    def __init__(self, program, args, width, height, folder):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", XDG_STATE_HOME=folder, LC_ALL="C.UTF-8")
            os.execv(program, [program] + args)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read(self, seconds):
        """Bytes that come within so many seconds."""
        end, n = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    n += len(os.read(self.fd, 65536))
                except OSError:
                    break
        return n

    def key(self, key):
        """Seconds from a key to the first byte that answers it."""
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 65536)
        start = time.monotonic()
        os.write(self.fd, key)
        select.select([self.fd], [], [], 2)
        return time.monotonic() - start

    def quit(self):
        os.write(self.fd, b"\033\033")
        self.read(0.3)
        os.write(self.fd, b"qD")
        self.read(1)
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        for _ in range(200):
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            self.read(0.1)


def report(what, value, limit, unit):
    print(f"{what:48s} {value:10.2f} {unit:6s} (at most {limit:g}) {'ok' if value <= limit else 'TOO MUCH'}", flush=True)


def steps(folder):
    lines = [json.loads(x) for x in open(os.path.join(folder, "metrics.jsonl"))]
    return lines


def main():
    program, file = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    folder = tempfile.mkdtemp()
    number = 0

    def start(width, height, *more):
        nonlocal number
        number += 1
        s = Screen(program, [file, "-o", os.path.join(folder, f"run{number}"), *more], width, height, folder)
        s.read(8)
        s.key(b"\033")
        return s

    for width, height, limit in ((80, 24, 4.0), (200, 60, 12.0)):
        s = start(width, height)
        report(f"running, {width}x{height}", s.read(20) / 20 / 1000, limit, "kB/s")
        if width == 80:
            times = sorted(s.key(b"jk"[i % 2:i % 2 + 1]) for i in range(500) if not s.read(0.01) < 0)
            report("key to first byte, 500 keys, 99th percentile", times[494] * 1000, 20, "ms")
            report("key to first byte, 500 keys, median", times[250] * 1000, 20, "ms")
            s.key(b" ")
            s.read(15)  # the pause comes at the end of a step
            report("idle (paused), 10 s", s.read(10), 0, "bytes")
        s.quit()
    s = start(80, 24, "--slow")
    report("running, 80x24, --slow", s.read(20) / 20 / 1000, 1.0, "kB/s")
    s.quit()
    shutil.rmtree(folder, ignore_errors=True)


main()
