#!/usr/bin/env python3
"""What NCCL takes for a sum over two or more GPUs, inside a CUDA graph, for bench_gpu_ranks.

usage: torchrun --nproc-per-node RANKS bench/nccl_all_reduce.py
"""

import os

import torch
import torch.distributed as dist

WIDTH = 5120
ROWS = (1, 12, 32, 64, 128, 256, 2048, 8192)
CALLS = 30


def microseconds(values):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(5):
            dist.all_reduce(values)
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(CALLS):
            dist.all_reduce(values)
    best = float("inf")
    for _ in range(5):
        dist.barrier()
        torch.cuda.synchronize()
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        with torch.cuda.stream(stream):
            graph.replay()
            start.record()
            graph.replay()
            end.record()
        torch.cuda.synchronize()
        best = min(best, 1e3 * start.elapsed_time(end) / CALLS)
    return best


def main():
    rank = int(os.environ["LOCAL_RANK"])
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", device_id=torch.device("cuda", rank))
    for rows in ROWS:
        values = torch.zeros(rows, WIDTH, dtype=torch.bfloat16, device="cuda")
        taken = microseconds(values)
        if rank == 0:
            print(f"NCCL, bfloat16, {rows:5d} rows of {WIDTH}: {taken:8.2f} us", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
