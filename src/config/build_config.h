// Settings of `qed build`.
#ifndef QED_CONFIG_BUILD_CONFIG_H_
#define QED_CONFIG_BUILD_CONFIG_H_

#include <cstdint>
#include <string>

#include "config/knob.h"

namespace qed {

struct BuildConfig {
  std::string device = "auto";
  std::string quantize = "none";  // tensor/weight_recipe.h
  int32_t tp_size = 1;
  int32_t max_batch_size = 0;
  int32_t max_seq_len = 0;
  int32_t max_input_len = 0;
  int32_t max_num_tokens = 0;
  int32_t threads = 0;  // 0: one per core
};

template <typename Visitor>
void VisitKnobs(BuildConfig& c, Visitor&& visit) {
  visit(Knob{"device", "",
             "whose memory layout: cpu, cuda (which needs no GPU to build for) or auto: that of "
             "the first GPU here, if it can be used, else cpu"},
        c.device, NoRange{});
  visit(Knob{"quantize", "",
             "the weights of linears, as --quantize does while loading: none, fp8, "
             "fp8_per_tensor, int8_wo or, for a CPU, q8_0"},
        c.quantize, NoRange{});
  visit(Knob{"tp-size", "ranks", "among which the network is split, a file each"}, c.tp_size,
        KnobRange<int32_t>{1, 64});
  visit(Knob{"max-batch-size", "sequences", "default of a start from the engine; 0 records none"},
        c.max_batch_size, KnobRange<int32_t>{0, 4096});
  visit(Knob{"max-seq-len", "tokens", "the same, of a sequence"}, c.max_seq_len,
        KnobRange<int32_t>{0, 1 << 24});
  visit(Knob{"max-input-len", "tokens", "the same, of a prompt"}, c.max_input_len,
        KnobRange<int32_t>{0, 1 << 24});
  visit(Knob{"max-num-tokens", "tokens", "the same, of a step"}, c.max_num_tokens,
        KnobRange<int32_t>{0, 65536});
  visit(Knob{"threads", "threads", "for packing; 0 takes one per core"}, c.threads,
        KnobRange<int32_t>{0, 1024});
}

}  // namespace qed

#endif  // QED_CONFIG_BUILD_CONFIG_H_
