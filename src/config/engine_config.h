// Sizes and limits of the engine and its key-value cache.
#ifndef QED_CONFIG_ENGINE_CONFIG_H_
#define QED_CONFIG_ENGINE_CONFIG_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "config/knob.h"

namespace qed {

// How the linear layers compute.
enum class ComputeMode {
  kAuto,  // weights as stored, int8 activations where the weights are quantized, else f32
  kF32,   // weights dequantized to f32, f32 activations, f32 KV cache: slow and exact
};

struct EngineConfig {
  int32_t threads = 0;           // 0: one per core
  int32_t max_batch_size = 32;   // sequences that run in one step
  int32_t max_logit_rows = 0;    // of one step; 0: what sequences and drafts want
  int32_t max_num_tokens = 512;  // tokens of one step: decodes and prefill chunks together
  int32_t max_seq_len = 0;       // tokens of one sequence; 0: the model's context length
  int32_t max_input_len = 0;     // tokens of a prompt; 0: what a sequence has room for
  int32_t page_size = 16;        // tokens of one KV page
  int64_t kv_cache_bytes = int64_t{2} << 30;        // on a CPU
  double kv_cache_free_gpu_memory_fraction = 0.92;  // on a GPU, in place of kv_cache_bytes
  bool prefix_cache = true;
  std::string compute = "auto";   // "auto" or "f32"
  std::string quantize = "none";  // tensor/weight_recipe.h
  std::string device = "auto";    // config/device_spec.h
  std::string draft = "auto";     // "none", "suffix" or "auto"
  int32_t max_drafts = 8;         // of a sequence in one step
  int32_t tp_size = 1;            // ranks among which the network is split
  double stall_seconds = 30;      // without a step while there is work: something hangs
};

template <typename Visitor>
void VisitKnobs(EngineConfig& c, Visitor&& visit) {
  visit(Knob{"threads", "threads", "for computing; 0 takes one per core"}, c.threads,
        KnobRange<int32_t>{0, 1024});
  visit(Knob{"max-batch-size", "sequences", "most that run in one step"}, c.max_batch_size,
        KnobRange<int32_t>{1, 4096});
  visit(Knob{"max-logit-rows", "rows",
             "of logits, most in one step: one a sequence, those of drafts and of scored prompts; "
             "max-batch-size at least"},
        c.max_logit_rows, KnobRange<int32_t>{0, 65536});
  visit(Knob{"max-num-tokens", "tokens", "most in one step, decodes and prefill chunks together"},
        c.max_num_tokens, KnobRange<int32_t>{1, 65536});
  visit(Knob{"max-seq-len", "tokens", "most in one sequence; 0 takes the model's context length"},
        c.max_seq_len, KnobRange<int32_t>{0, 1 << 24});
  visit(Knob{"max-input-len", "tokens", "most in one prompt; 0 takes what a sequence has room for"},
        c.max_input_len, KnobRange<int32_t>{0, 1 << 24});
  visit(Knob{"tp-size", "ranks",
             "among which the network is split; mpirun starts them, or has started them"},
        c.tp_size, KnobRange<int32_t>{1, 1024});
  visit(Knob{"stall-seconds", "s",
             "without a step while there is work: /health fails, and ranks that wait for one that "
             "hangs all end"},
        c.stall_seconds, KnobRange<double>{0.1, 1e5});
  visit(Knob{"page-size", "tokens", "of one KV page; a multiple of 16"}, c.page_size,
        KnobRange<int32_t>{16, 1024});
  visit(Knob{"kv-cache-bytes", "bytes", "of memory for the KV cache; not on a GPU"},
        c.kv_cache_bytes, KnobRange<int64_t>{1, int64_t{1} << 46});
  visit(Knob{"kv-cache-free-gpu-memory-fraction", "",
             "of the GPU's memory that all else leaves free, for the KV cache"},
        c.kv_cache_free_gpu_memory_fraction, KnobRange<double>{0.001, 1});
  visit(Knob{"prefix-cache", "", "reuse the pages of equal prompt beginnings"}, c.prefix_cache,
        NoRange{});
  visit(Knob{"compute", "", "auto, or f32 for exact and slow arithmetic"}, c.compute, NoRange{});
  visit(Knob{"quantize", "",
             "the weights of linears while loading: none, fp8 (a scale a row), fp8_per_tensor or "
             "int8_wo, slow on a CPU; q8_0, fast on a CPU and not on a GPU"},
        c.quantize, NoRange{});
  visit(Knob{"draft", "",
             "tokens guessed ahead and checked several in a step, which changes no token: suffix "
             "(what followed the same words before, in this sample or another one of the prompt), "
             "none, or auto: these and a drafter's, as far as they pay, where there is a drafter"},
        c.draft, NoRange{});
  visit(Knob{"max-drafts", "tokens", "guessed ahead, most of a sequence in one step"}, c.max_drafts,
        KnobRange<int32_t>{1, 8});
  visit(
      Knob{"device", "", "auto, cpu, cuda or cuda:N; auto takes the first GPU, if it can be used"},
      c.device, NoRange{});
}

// Rows of logits that drafts have use for. They are for few sequences: where there are
// many, their rows take the time.
inline int32_t DraftRows(const EngineConfig& c) {
  constexpr int32_t kMost = 64;
  return std::min(kMost, c.max_batch_size * (1 + c.max_drafts));
}

// Rows of logits that a step has room for.
inline int32_t MaxLogitRows(const EngineConfig& c) {
  return std::max({c.max_logit_rows, c.max_batch_size, c.draft == "suffix" ? DraftRows(c) : 0});
}

}  // namespace qed

#endif  // QED_CONFIG_ENGINE_CONFIG_H_
