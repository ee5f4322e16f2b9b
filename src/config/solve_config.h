// How problems are solved: samples, code calls, when to stop, where results go.
#ifndef QED_CONFIG_SOLVE_CONFIG_H_
#define QED_CONFIG_SOLVE_CONFIG_H_

#include <cstdint>
#include <string>

#include "config/knob.h"
#include "config/sampling_params.h"

namespace qed {

// What solving wants of the sampler where the user says nothing.
inline SamplingParams DefaultSolveSampling() {
  SamplingParams params;
  params.temperature = 0.7f;
  params.top_p = 0.95f;
  params.max_tokens = 2048;  // of one sample, over all its rounds
  return params;
}

struct SolveConfig {
  std::string output;  // folder; empty: results are only printed
  bool resume = false;
  int32_t samples = 16;
  int32_t limit = 0;  // problems; 0: all
  std::string prompt = "generic/math";
  std::string chat_wrapper = "auto";  // "auto": the one that fits the model's chat template
  std::string sandbox = "local";      // "local", "off" or a URL
  int32_t max_code_calls = 6;
  double code_timeout = 2.0;        // seconds
  int32_t code_output_chars = 200;  // of each output stream
  bool remaining_calls_notice = false;
  std::string stop_when = "never";  // solve/stop_rule.h
  int32_t problems_in_flight = 0;   // 0: as many as there is room for
  int64_t answer_modulo = 0;        // 0: answers as they are
  std::string vote = "majority";    // "majority" or "confidence"
  int32_t confidence_window = 256;  // tokens
  double prune_keep = 0;            // 0: no pruning
  int32_t prune_warmup = 16;        // samples
  std::string select = "vote";      // "vote" or "genselect" (solve/genselect.h)
  std::string select_prompt = "genselect";
  int32_t select_samples = 8;
  int32_t select_candidates = 16;
  int32_t select_chars = 5000;
  int32_t select_max_tokens = 2048;
  // Seconds; 0: no limit, or nothing. What they mean together: solve/time_bank.h.
  double time_per_problem = 0;
  double time_bank = 0;
  double time_cap = 0;
  double time_total = 0;
};

template <typename Visitor>
void VisitKnobs(SolveConfig& c, Visitor&& visit) {
  visit(Knob{"output", "", "folder for results and records"}, c.output, NoRange{});
  visit(Knob{"resume", "", "go on with the run in --output"}, c.resume, NoRange{});
  visit(Knob{"samples", "samples", "solution attempts per problem"}, c.samples,
        KnobRange<int32_t>{1, 4096});
  visit(Knob{"limit", "problems", "take only the first ones; 0 takes all"}, c.limit,
        KnobRange<int32_t>{0, 1 << 24});
  visit(Knob{"prompt", "", "built-in name (generic/math, openmath/tir) or YAML file"}, c.prompt,
        NoRange{});
  visit(Knob{"chat-wrapper", "", "auto, qwen-instruct, chatml, llama3-instruct or none"},
        c.chat_wrapper, NoRange{});
  visit(Knob{"sandbox", "", "where code runs: local, the URL of a qed sandbox, or off for no code"},
        c.sandbox, NoRange{});
  visit(Knob{"max-code-calls", "calls", "programs run per sample"}, c.max_code_calls,
        KnobRange<int32_t>{0, 1000});
  visit(Knob{"code-timeout", "s", "for one program"}, c.code_timeout,
        KnobRange<double>{0.01, 3600});
  visit(Knob{"code-output-chars", "characters", "of each output stream shown to the model"},
        c.code_output_chars, KnobRange<int32_t>{0, 1 << 20});
  visit(Knob{"remaining-calls-notice", "", "tell the model how many code calls are left"},
        c.remaining_calls_notice, NoRange{});
  visit(Knob{"stop-when", "",
             "never, or any of agree:K, lead, posterior:P, done:N with commas between them"},
        c.stop_when, NoRange{});
  visit(Knob{"problems-in-flight", "problems", "worked on at a time; 0 is as many as fit"},
        c.problems_in_flight, KnobRange<int32_t>{0, 1 << 20});
  visit(Knob{"answer-modulo", "", "answers are whole numbers modulo this; 0: as they are"},
        c.answer_modulo, KnobRange<int64_t>{0, 1'000'000'000});
  visit(Knob{"vote", "", "majority, or confidence to weigh votes by the model's confidence"},
        c.vote, NoRange{});
  visit(Knob{"confidence-window", "tokens", "over which confidence is averaged"},
        c.confidence_window, KnobRange<int32_t>{1, 1 << 20});
  visit(Knob{"prune-keep", "", "end samples less sure than this share of the first; 0 ends none"},
        c.prune_keep, KnobRange<double>{0, 1});
  visit(Knob{"prune-warmup", "samples", "of a problem that finish before any is pruned"},
        c.prune_warmup, KnobRange<int32_t>{1, 4096});
  visit(Knob{"select", "", "vote, or genselect to let the model choose among the samples"},
        c.select, NoRange{});
  visit(Knob{"select-prompt", "", "built-in name (genselect) or YAML file"}, c.select_prompt,
        NoRange{});
  visit(Knob{"select-samples", "judgments", "of a problem; their majority decides"},
        c.select_samples, KnobRange<int32_t>{1, 4096});
  visit(Knob{"select-candidates", "solutions", "shown to a judgment"}, c.select_candidates,
        KnobRange<int32_t>{2, 256});
  visit(Knob{"select-chars", "bytes", "of each solution shown, its end"}, c.select_chars,
        KnobRange<int32_t>{400, 1 << 20});
  visit(Knob{"select-max-tokens", "tokens", "of one judgment"}, c.select_max_tokens,
        KnobRange<int32_t>{1, 1 << 20});
  visit(
      Knob{"time-per-problem", "s", "granted to each; then its samples are cut short; 0: no limit"},
      c.time_per_problem, KnobRange<double>{0, 1e7});
  visit(Knob{"time-bank", "s", "a problem may draw from what others left unused"}, c.time_bank,
        KnobRange<double>{0, 1e7});
  visit(Knob{"time-cap", "s", "of one problem in all; 0: what it is granted and may draw"},
        c.time_cap, KnobRange<double>{0, 1e7});
  visit(Knob{"time-total", "s", "of all problems; 0: what they are granted"}, c.time_total,
        KnobRange<double>{0, 1e7});
}

}  // namespace qed

#endif  // QED_CONFIG_SOLVE_CONFIG_H_
