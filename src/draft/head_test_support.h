// Small ReDrafter heads for tests, of random numbers.
#ifndef QED_DRAFT_HEAD_TEST_SUPPORT_H_
#define QED_DRAFT_HEAD_TEST_SUPPORT_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {

// As TinyGguf's model has them.
inline constexpr int32_t kHeadHidden = 32, kHeadVocab = 12;

struct HeadCase {
  bool rnn;
  int32_t layers, exit_dim;
  bool cut;  // to the tokens kCutVocabulary
};

inline const std::vector<int32_t> kCutVocabulary = {7, 2, 9, 4, 11};

// Writes the folder "d" of a head for TinyGguf's model; returns its tensors, in f32.
inline std::map<std::string, SafetensorsTensor> WriteHead(const TempDir& dir, const HeadCase& c) {
  std::map<std::string, SafetensorsTensor> tensors;
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape) {
    tensors[name] = {DType::kF32, shape, RandomF32(ValuesOf(shape), 100 + tensors.size())};
  };
  if (c.rnn) {
    add("rnn_w.weight", {kHeadHidden, kHeadHidden});
    add("rnn_u.weight", {kHeadHidden, kHeadHidden});
    add("rnn_u.bias", {kHeadHidden});
  }
  if (c.exit_dim != 2 * kHeadHidden) {
    add("input_proj.weight", {c.exit_dim, 2 * kHeadHidden});
    add("input_proj.bias", {c.exit_dim});
  }
  for (int32_t i = 0; i < c.layers; ++i) {
    const std::string name = "lm_head." + std::to_string(i) + ".linear.";
    add(name + "weight", {c.exit_dim, c.exit_dim});
    add(name + "bias", {c.exit_dim});
  }
  const auto rows = c.cut ? static_cast<int64_t>(kCutVocabulary.size()) : kHeadVocab;
  add("lm_head." + std::to_string(c.layers) + ".weight", {rows, c.exit_dim});
  const nlohmann::json config = {{"vocab_size", kHeadVocab},
                                 {"hidden_size", kHeadHidden},
                                 {"exit_dim", c.exit_dim},
                                 {"num_draft_layers", c.layers},
                                 {"rnn", c.rnn}};
  std::filesystem::create_directories(dir.File("d"));
  WriteBytes(dir.File("d/config.json"), config.dump());
  if (c.cut) WriteBytes(dir.File("d/vocabulary.json"), nlohmann::json(kCutVocabulary).dump());
  WriteBytes(dir.File("d/model.safetensors"), BuildSafetensors(tensors));
  return tensors;
}

// What a head's layers get beside a token.
inline std::vector<float> HiddenState(uint64_t stream) {
  std::vector<float> hidden(kHeadHidden);
  for (size_t i = 0; i < hidden.size(); ++i) hidden[i] = UniformFloat(3, stream, i) - 0.5f;
  return hidden;
}

}  // namespace qed

#endif  // QED_DRAFT_HEAD_TEST_SUPPORT_H_
