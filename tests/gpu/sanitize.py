#!/usr/bin/env python3
"""compute-sanitizer over the tests that run kernels, each test in a process of its own.

usage: tests/gpu/sanitize.py {memcheck,racecheck} TEST_PROGRAM... [--at-once 8] [--seconds 1800]

Tests that run kernels have Cuda or Device in the names of their suites. Prints what was not clean
with the end of its output; fails if there was any, or if a program has no such test.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import time

OURS = pathlib.Path(__file__).resolve().parents[2].joinpath(
    "third_party/compute-sanitizer/nvidia/cu13/compute-sanitizer/compute-sanitizer")
FILTER = "--gtest_filter=*Cuda*:*Device*"
# Where kernels of several ranks wait for one another: the first launch would block for ever.
KERNELS_WAIT = "RankSum"
# Before this version racecheck does not follow barriers that blocks of a cluster wait at for one
# another (its release notes), and reports each reuse of what such a barrier guards as a race.
CLUSTERS_FOLLOWED = (2026, 1)


def names_of_tests(program):
    """As Google Test lists them: a suite at the start of a line, its tests indented."""
    listed = subprocess.run([program, "--gtest_list_tests", FILTER], capture_output=True, text=True,
                            check=True).stdout
    names, suite = [], ""
    for line in listed.splitlines():
        name = line.split("#")[0].rstrip()
        if name.startswith("  "):
            names.append(suite + name.strip())
        elif name.endswith("."):
            suite = name
    return names


def sanitizer_for(tool):
    """The command: what scripts/get-compute-sanitizer brought, or else that of the machine."""
    command = str(OURS) if OURS.exists() else "compute-sanitizer"
    try:
        version = subprocess.run([command, "--version"], capture_output=True, text=True,
                                 check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"sanitize: {command} does not run ({error}): scripts/get-compute-sanitizer "
                 "brings one")
    found = re.search(r"Version (\d+)\.(\d+)", version)
    if not found:
        sys.exit(f"sanitize: {command} does not give its version: {version.strip()}")
    print(f"{tool}: compute-sanitizer {found[1]}.{found[2]}", flush=True)
    if tool == "racecheck" and tuple(map(int, found.groups())) < CLUSTERS_FOLLOWED:
        sys.exit(f"sanitize: racecheck of compute-sanitizer {found[1]}.{found[2]} does not follow "
                 "barriers of clusters: scripts/get-compute-sanitizer brings one that does")
    return command


def check(sanitizer, tool, program, test, seconds):
    """(seconds it took, what was wrong or None)"""
    # Calls that fail are tested for as well: a failing call by itself is no finding.
    command = [sanitizer, "--tool", tool, "--report-api-errors", "no", "--require-cuda-init", "no",
               "--error-exitcode", "9", "--print-limit", "20"]
    if tool == "racecheck" and KERNELS_WAIT not in test:
        # Of launches that nobody has waited for it keeps records: timing products by some
        # hundred of them took 40 GiB of the host's memory and more, and ended it.
        command.append("--force-blocking-launches")
    command += [program, f"--gtest_filter={test}", "--gtest_brief=1"]
    begun = time.monotonic()
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors="replace", timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return time.monotonic() - begun, f"not done after {seconds} s"
    wrong = None if run.returncode == 0 else f"status {run.returncode}\n{run.stdout[-2000:]}"
    return time.monotonic() - begun, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=("memcheck", "racecheck"))
    parser.add_argument("programs", nargs="+")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1800, help="most for one test")
    options = parser.parse_args()
    sanitizer = sanitizer_for(options.tool)
    tests = []
    for program in options.programs:
        names = names_of_tests(program)
        if not names:
            sys.exit(f"sanitize: {program} has no tests that run kernels")
        tests += [(program, name) for name in names]
    unclean = 0
    with concurrent.futures.ThreadPoolExecutor(options.at_once) as pool:
        runs = {pool.submit(check, sanitizer, options.tool, *test, options.seconds): test[1]
                for test in tests}
        for done in concurrent.futures.as_completed(runs):
            seconds, wrong = done.result()
            print(f"{options.tool} {runs[done]}: {seconds:.0f} s, {wrong or 'clean'}", flush=True)
            unclean += wrong is not None
    print(f"{options.tool}: {len(tests) - unclean} of {len(tests)} tests clean")
    sys.exit(1 if unclean else 0)


if __name__ == "__main__":
    main()
