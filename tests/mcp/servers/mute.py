"""A server that never answers: it reads its stdin to the end, or does not even do that, and says what it is told to say."""

import argparse
import os
import signal
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--say", default="", help="what to write to stderr at the start")
parser.add_argument("--print", default="", help="what to write to stdout at the start")
parser.add_argument("--ignore-eof", action="store_true")
parser.add_argument("--ignore-term", action="store_true")
parser.add_argument("--child", action="store_true", help="start a child that ignores SIGTERM")
parser.add_argument("--exit", type=int, default=None, help="end at once with this code")
parser.add_argument("--flood", action="store_true", help="write to stdout and stderr without end")
parser.add_argument("--deaf", action="store_true", help="never read stdin")
options = parser.parse_args()

if options.ignore_term:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if options.child:
    subprocess.Popen([sys.executable, __file__, "--ignore-eof", "--ignore-term"], stdin=subprocess.DEVNULL)
if options.say:
    print(options.say, file=sys.stderr, flush=True)
if options.print:
    print(options.print, flush=True)
if options.exit is not None:
    sys.exit(options.exit)
while options.flood:
    os.write(2, b"word " * 100 + b"\n")
    os.write(1, b"word " * 100 + b"\n")
while not options.deaf and sys.stdin.readline():
    pass
while options.ignore_eof or options.deaf:
    signal.pause()
