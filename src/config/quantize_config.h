// Settings of `qed quantize`.
#ifndef QED_CONFIG_QUANTIZE_CONFIG_H_
#define QED_CONFIG_QUANTIZE_CONFIG_H_

#include <cstdint>
#include <string>

#include "config/knob.h"

namespace qed {

struct QuantizeConfig {
  std::string qformat = "fp8";
  std::string scales = "tensor";
  std::string export_layout = "modelopt";
  std::string calib_dataset;
  std::string text_field = "text";
  int32_t calib_size = 512;    // texts
  int32_t eval_size = 0;       // texts; 0: a ninth of calib_size
  int32_t batch_size = 4;      // texts
  int32_t max_tokens = 4096;   // of a text
  int32_t eval_tokens = 2048;  // of held-back text
  std::string observer = "auto";
  std::string rounding = "auto";
  double min_agreement = 97;   // percent
  double max_kept = 100;       // percent
  std::string device = "cpu";  // config/device_spec.h
  int32_t threads = 0;         // 0: one per core
};

template <typename Visitor>
void VisitKnobs(QuantizeConfig& c, Visitor&& visit) {
  visit(Knob{"qformat", "", "fp8 or int8_wo (int8 weights with a scale a row, no calibration)"},
        c.qformat, NoRange{});
  visit(Knob{"scales", "",
             "of fp8: tensor (and static scales of activations, from calibration) or row (and "
             "activations scaled a token, no calibration)"},
        c.scales, NoRange{});
  visit(Knob{"export", "", "whose names the folder uses: modelopt or compressed-tensors"},
        c.export_layout, NoRange{});
  visit(
      Knob{
          "calib-dataset", "",
          "texts, one a row: JSONL, CSV, TSV or Parquet; the last of them are held back to measure "
          "quality"},
      c.calib_dataset, NoRange{});
  visit(Knob{"text-field", "", "the column of the texts"}, c.text_field, NoRange{});
  visit(Knob{"calib-size", "texts", "most that activations are calibrated on"}, c.calib_size,
        KnobRange<int32_t>{1, 1 << 20});
  visit(Knob{"eval-size", "texts",
             "that are held back to measure quality, the last of what is read; 0 takes a ninth of "
             "calib-size"},
        c.eval_size, KnobRange<int32_t>{0, 1 << 20});
  visit(Knob{"batch-size", "texts", "that run side by side"}, c.batch_size,
        KnobRange<int32_t>{1, 64});
  visit(Knob{"max-tokens", "tokens", "of a text; what is longer is cut"}, c.max_tokens,
        KnobRange<int32_t>{2, 1 << 20});
  visit(Knob{"eval-tokens", "tokens", "most of the held-back text; 0 measures no quality"},
        c.eval_tokens, KnobRange<int32_t>{0, 1 << 24});
  visit(Knob{"observer", "",
             "how scales of activations are found: max, percentile (99.99), error (least expected "
             "squared error) or auto (max, unless error's is less by a twentieth)"},
        c.observer, NoRange{});
  visit(Knob{"rounding", "",
             "nearest; compensated (error-compensated rounding, GPTQ: needs --calib-dataset); or "
             "auto (compensated where there is calibration text)"},
        c.rounding, NoRange{});
  visit(Knob{"min-agreement", "percent",
             "of the held-back tokens whose likeliest token must stay the same: linears are left "
             "in 16 bits, those that cost the most for their size first, until it is so; 0 leaves "
             "none"},
        c.min_agreement, KnobRange<double>{0, 100});
  visit(Knob{"max-kept", "percent",
             "of the linears' values, most that --min-agreement may leave in 16 bits"},
        c.max_kept, KnobRange<double>{0, 100});
  visit(Knob{"device", "",
             "what the texts run on: cpu, cuda or cuda:N (which only calibrates and compares: it "
             "wants --rounding nearest, and --max-kept 0); or auto (the first GPU, if it can be "
             "used)"},
        c.device, NoRange{});
  visit(Knob{"threads", "threads", "for computing; 0 takes one per core"}, c.threads,
        KnobRange<int32_t>{0, 1024});
}

}  // namespace qed

#endif  // QED_CONFIG_QUANTIZE_CONFIG_H_
