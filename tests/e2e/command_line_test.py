"""The command line itself: help, versions, mistyped names, completions."""

import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
import unittest

from qed_run import BINARY, qed

COMMANDS = re.findall(r"^  (\w+) ", qed("--help").stdout.split("Commands:")[1].split("\n\n")[0],
                      re.MULTILINE)


def flags_of(command):
    return re.findall(r"^  (?:-\w, )?(--[\w\[\]-]+)", qed(command, "--help").stdout, re.MULTILINE)


def completions(*words):
    """What bash would offer for the last of the words."""
    script = (f"source <({BINARY} completion bash); COMP_WORDS=({' '.join(words) or ''} ); "
              f"COMP_CWORD={len(words) - 1}; _qed; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def read_until(terminal, mark):
    seen, deadline = "", time.monotonic() + 60
    while mark not in seen:
        assert time.monotonic() < deadline, seen
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
    return seen


def zsh_shows(typed):
    """What a real zsh shows after `typed` and the tabulator; its line is in << >> then."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "PS1": ""})
    setup = (f"autoload -Uz compinit; compinit -D -u; source <({BINARY} completion zsh)\n"
             "show() print -r -- \"<<$BUFFER>>\"; zle -N show; bindkey '^X' show\n"
             "bindkey '^I' complete-word; LISTMAX=9999; print rea''dy\n")
    try:
        os.write(terminal, setup.encode())
        read_until(terminal, "ready\r\n")
        os.write(terminal, typed.encode() + b"\t\x18")
        return read_until(terminal, ">>")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


class CommandLineTest(unittest.TestCase):
    def test_help_fits_the_terminal(self):
        self.assertGreaterEqual(set(COMMANDS), {"solve", "serve", "sandbox", "help", "version"})
        for width in 40, 60, 80, 100, 200:
            for command in [], *([c] for c in COMMANDS):
                shown = qed(*command, "--help", env={**os.environ, "COLUMNS": str(width)})
                self.assertEqual(shown.returncode, 0)
                for line in shown.stdout.splitlines():
                    # A single word, or a flag's own name, may be longer.
                    fits = len(line) <= width or " " not in line.strip()
                    self.assertTrue(fits or line.startswith("  --"), line)

    def test_help_is_grouped(self):
        shown = qed("solve", "--help").stdout
        for group in "Arguments:", "Flags:", "Sampling:", "Programs:", "Engine:", "Time:":
            self.assertIn("\n" + group + "\n", shown)
        self.assertLess(shown.index("--samples"), shown.index("\nEngine:\n"))
        self.assertIn("Usage: qed solve PROBLEMS [FLAGS]", shown)
        self.assertIn("(default ", shown)

    def test_help_and_version_are_commands_too(self):
        for command in COMMANDS:
            self.assertEqual(qed("help", command).stdout, qed(command, "--help").stdout, command)
        self.assertEqual(qed("help").stdout, qed("--help").stdout)
        versions = {qed(*words).stdout for words in (["version"], ["-V"], ["--version"])}
        self.assertEqual(len(versions), 1)
        self.assertRegex(versions.pop(), r"^qed \d+\.\d+\.\d+\n$")

    def test_mistyped_names_get_the_nearest(self):
        for words, wanted in (
                (["solv"], "qed: solv is not a command; the nearest is solve (see qed --help)"),
                (["help", "serv"], "qed help: serv is not a command; the nearest is serve "
                                   "(see qed --help)"),
                (["solve", "p.jsonl", "--sample", "4"],
                 "qed: --sample is not a flag of qed solve; the nearest are --samples"),
                (["solve", "--sample=4"], "--sample is not a flag of qed solve"),
                (["serve", "--prot", "1"], "--prot is not a flag of qed serve; the nearest"),
                (["frobnicate"], "qed: frobnicate is not a command (see qed --help)"),
                (["solve", "p.jsonl", "--zzzzzzzzz"],
                 "qed: --zzzzzzzzz is not a flag of qed solve (see qed solve --help)"),
                (["solve"], "(see qed solve --help)"), (["solve", "p", "--seed", "x"],
                                                        "(see qed solve --help)")):
            tried = qed(*words)
            self.assertEqual((tried.returncode, tried.stdout), (2, ""), words)
            self.assertIn(wanted, tried.stderr, words)
            self.assertEqual(tried.stderr.count("\n"), 1, words)

    def test_every_flag_misspelt_by_a_letter_is_found(self):
        for command in COMMANDS:
            for flag in flags_of(command)[::9]:
                name = flag.replace("[no-]", "")
                if len(name) < 6:
                    continue
                tried = qed(command, name[:4] + name[5:])
                self.assertEqual(tried.returncode, 2)
                self.assertIn(name, tried.stderr)

    def test_bash_completes_commands_flags_and_files(self):
        self.assertLessEqual(set(COMMANDS), set(completions("qed", "''")))
        self.assertEqual(completions("qed", "sol"), ["solve"])
        self.assertEqual(completions("qed", "help", "ser"), ["serve"])
        self.assertIn("--samples", completions("qed", "solve", "--sam"))
        self.assertEqual(completions("qed", "completion", "z"), ["zsh"])
        self.assertEqual(completions("qed", "solve", "READ"), [])  # left to the shell: a file
        for command in COMMANDS:
            offered = set(completions("qed", command, "--"))
            if command not in ("help", "completion"):
                self.assertLessEqual({f.replace("[no-]", "") for f in flags_of(command)}, offered)

    def test_zsh_reads_its_script(self):
        script = qed("completion", "zsh").stdout
        self.assertTrue(script.startswith("#compdef qed\n"))
        for command in COMMANDS:
            self.assertIn(f"\n    '{command}:", script)
        # Every quoted argument ends: zsh itself may not be there.
        self.assertEqual(script.replace("'\\''", "").count("'") % 2, 0)
        if shutil.which("zsh"):
            with tempfile.NamedTemporaryFile("w", suffix=".zsh") as file:
                file.write(script)
                file.flush()
                subprocess.run(["zsh", "-n", file.name], check=True)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
    def test_zsh_completes_commands_flags_and_files(self):
        for typed, line in [("qed ver", "qed version "), ("qed help dow", "qed help download "),
                            ("qed completion z", "qed completion zsh "),
                            ("qed solve --samp", "qed solve --samples "),
                            ("qed solve /etc/hostn", "qed solve /etc/hostname "),
                            ("qed solve --model /etc/hostn", "qed solve --model /etc/hostname ")]:
            self.assertIn(f"<<{line}>>", zsh_shows(typed))
        offered = zsh_shows("qed s")
        for command in ("sandbox", "serve", "solve"):
            self.assertRegex(offered, rf"\n{command} +-- ")

    def test_other_shells_are_refused(self):
        tried = qed("completion", "fish")
        self.assertEqual(tried.returncode, 2)
        self.assertIn("bash and zsh", tried.stderr)


if __name__ == "__main__":
    unittest.main()
