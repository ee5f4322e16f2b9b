// How texts for calibration are made.
#ifndef QED_CONFIG_CALIBRATION_SET_CONFIG_H_
#define QED_CONFIG_CALIBRATION_SET_CONFIG_H_

#include <cstdint>
#include <string>

#include "config/knob.h"

namespace qed {

struct CalibrationSetConfig {
  std::string input;
  std::string split;
  std::string output;
  std::string solution_field;
  std::string prompt = "generic/math";
  std::string chat_wrapper = "qwen-instruct";
  int32_t size = 4096;
  int32_t max_tokens = 0;  // 0: whole texts
  int64_t shuffle = -1;    // -1: the first rows
};

template <typename Visitor>
void VisitKnobs(CalibrationSetConfig& c, Visitor&& visit) {
  visit(Knob{"input", "", "table of problems with solutions, or the folder of a data set"}, c.input,
        NoRange{});
  visit(Knob{"split", "", "which of the folder's splits, where it has several"}, c.split,
        NoRange{});
  visit(Knob{"output", "", "file to write, .parquet or .jsonl, with one column \"text\""}, c.output,
        NoRange{});
  visit(
      Knob{"solution-field", "",
           "column that holds the solution; by default generation, generated_solution or solution"},
      c.solution_field, NoRange{});
  visit(Knob{"prompt", "", "prompt: a built-in name or a YAML file"}, c.prompt, NoRange{});
  visit(Knob{"chat-wrapper", "",
             "how the turns are marked: qwen-instruct, chatml, llama3-instruct, none"},
        c.chat_wrapper, NoRange{});
  visit(Knob{"size", "texts", "how many to write"}, c.size, KnobRange<int32_t>{1, 1 << 24});
  visit(Knob{"max-tokens", "tokens",
             "cut longer texts, counted with --model's tokenizer; 0 keeps them whole"},
        c.max_tokens, KnobRange<int32_t>{0, 1 << 24});
  visit(Knob{"shuffle", "", "draw the rows from all, with this seed; -1 takes the first ones"},
        c.shuffle, KnobRange<int64_t>{-1, INT64_MAX});
}

}  // namespace qed

#endif  // QED_CONFIG_CALIBRATION_SET_CONFIG_H_
