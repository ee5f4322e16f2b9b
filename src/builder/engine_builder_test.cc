#include "builder/engine_builder.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/embedding.h"
#include "model/loader.h"
#include "tensor/eight_bit.h"
#include "tensor/quant_format.h"
#include "tests/support/model_runner.h"
#include "tests/support/test_files.h"
#include "tests/support/tiny_model.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

// A matrix as floats, row by row; a vector has one column.
struct Values {
  int64_t rows = 0, columns = 0;
  std::vector<float> values;
};

// What a packed tensor stands for, read without the code that packed it.
Values Unpack(PackedFor device, const PackedTensor& packed, const std::byte* base) {
  const std::byte* data = base + packed.offset;
  Values out = {packed.n, std::max(1, packed.k), {}};
  out.values.resize(static_cast<size_t>(out.rows * out.columns));
  if (packed.k == 0) {
    std::memcpy(out.values.data(), data, out.values.size() * sizeof(float));
    return out;
  }
  const PackedWeight weight = {packed.format,        packed.n,          packed.k, data,
                               packed.scale_columns, packed.input_scale};
  for (int32_t row = 0; row < packed.n; ++row) {
    float* to = out.values.data() + int64_t{row} * packed.k;
    if (device == PackedFor::kCpu) {
      EmbeddingRow(weight, row, to);
      continue;
    }
    for (int64_t column = 0; column < packed.k; ++column) {
      const int64_t at = int64_t{row} * packed.k + column;
      if (packed.format == WeightFormat::kBF16) {
        uint16_t bits;
        std::memcpy(&bits, data + at * 2, sizeof(bits));
        to[column] = BFloat16ToFloat(bits);
        continue;
      }
      float scale;
      std::memcpy(&scale, data + packed.scales_at + row * 4, sizeof(scale));
      const auto code = static_cast<uint8_t>(data[at]);
      to[column] = scale * (packed.format == WeightFormat::kFp8 ? Fp8ToFloat(code)
                                                                : static_cast<int8_t>(code));
    }
  }
  return out;
}

using Key = std::pair<int32_t, TensorRole>;

// On a GPU every rank has the whole embedding.
Sharding ShardingIn(const Checkpoint& engine, const ExpectedTensor& expected) {
  const bool whole =
      engine.engine->device == PackedFor::kCuda && expected.role == TensorRole::kEmbedding;
  return whole ? Sharding::kWhole : expected.sharding;
}

// By tensor: on a GPU q, k and v, and gate and up, are taken apart again.
std::map<Key, Values> Tensors(const Checkpoint& engine, size_t rank) {
  const EngineRank& file = engine.engine->ranks[rank];
  const std::string bytes = ReadFile(engine.path + "/" + file.file).value();
  const auto ranks = static_cast<int64_t>(engine.engine->ranks.size());
  std::map<Key, int64_t> rows_of;
  for (const ExpectedTensor& expected : ExpectedTensors(engine.config)) {
    rows_of[{expected.layer, expected.role}] = ShardingIn(engine, expected) == Sharding::kRows
                                                   ? expected.shape[0] / ranks
                                                   : expected.shape[0];
  }
  std::map<Key, Values> found;
  for (const PackedTensor& packed : file.weights.tensors) {
    const Values all =
        Unpack(engine.engine->device, packed, reinterpret_cast<const std::byte*>(bytes.data()));
    auto at = all.values.begin();
    for (TensorRole role : packed.roles) {
      const Key key = {packed.layer, role};
      Values& part = found[key];
      part.rows = rows_of.at(key);
      part.columns = all.columns;
      const auto end = at + part.rows * part.columns;
      part.values.assign(at, end);
      at = end;
    }
    EXPECT_EQ(at, all.values.end());
  }
  return found;
}

// The ranks' parts of a tensor side by side again.
Values Join(const std::vector<Values>& parts, Sharding sharding) {
  if (sharding == Sharding::kWhole) {
    for (const Values& part : parts) EXPECT_EQ(part.values, parts.front().values);
    return parts.front();
  }
  Values joined;
  if (sharding == Sharding::kRows) {
    joined.columns = parts.front().columns;
    for (const Values& part : parts) {
      joined.rows += part.rows;
      joined.values.insert(joined.values.end(), part.values.begin(), part.values.end());
    }
    return joined;
  }
  joined.rows = parts.front().rows;
  for (int64_t row = 0; row < joined.rows; ++row) {
    for (const Values& part : parts) {
      const auto begin = part.values.begin() + row * part.columns;
      joined.values.insert(joined.values.end(), begin, begin + part.columns);
      joined.columns += row == 0 ? part.columns : 0;
    }
  }
  return joined;
}

class EngineBuilderTest : public ::testing::Test {
 protected:
  EngineBuilderTest() {
    WriteTinyHfFolder(dir_.File("hf"), TinyConfig("Qwen2ForCausalLM"));
    WriteBytes(dir_.File("hf/tokenizer.json"), "{\"a\": 1}");
  }

  Status Build(const std::string& source, const BuildSettings& settings, const std::string& name,
               int threads = 2) {
    ThreadPool pool(threads);
    const Checkpoint checkpoint = OpenCheckpoint(dir_.File(source)).value();
    const WeightReader reader(checkpoint, nullptr);
    auto plan = PlanEngine(reader, settings);
    if (!plan.ok()) return plan.status();
    EXPECT_THAT(PlanTable(*plan, settings), HasSubstr("mlp.down_proj.weight"));
    return WriteEngine(reader, settings, *plan, dir_.File(name), pool, nullptr).status();
  }

  static BuildSettings Settings(PackedFor device, int32_t ranks, const char* quantize) {
    return {.device = device,
            .ranks = ranks,
            .quantize = ParseWeightRecipe(quantize).value(),
            .limits = {},
            .adapter = "",
            .drafter = ""};
  }

  TempDir dir_;
};

TEST_F(EngineBuilderTest, RanksJoinedAgainAreTheWhole) {
  for (PackedFor device : {PackedFor::kCpu, PackedFor::kCuda}) {
    for (const char* quantize : {"none", "fp8", "fp8_per_tensor", "q8_0"}) {
      if (device == PackedFor::kCuda && std::string(quantize) == "q8_0") continue;
      SCOPED_TRACE(std::string(quantize) + (device == PackedFor::kCpu ? " cpu" : " cuda"));
      const std::string name = std::string(quantize) + std::to_string(static_cast<int>(device));
      ASSERT_TRUE(Build("hf", Settings(device, 1, quantize), name + "one").ok());
      ASSERT_TRUE(Build("hf", Settings(device, 2, quantize), name + "two").ok());
      const Checkpoint one = OpenCheckpoint(dir_.File(name + "one")).value();
      const Checkpoint two = OpenCheckpoint(dir_.File(name + "two")).value();
      const auto whole = Tensors(one, 0);
      const auto first = Tensors(two, 0), second = Tensors(two, 1);
      for (const ExpectedTensor& expected : ExpectedTensors(one.config)) {
        const Key key = {expected.layer, expected.role};
        const Values joined = Join({first.at(key), second.at(key)}, ShardingIn(two, expected));
        EXPECT_EQ(joined.rows, expected.shape[0]) << expected.hf_name;
        EXPECT_EQ(joined.columns, whole.at(key).columns) << expected.hf_name;
        EXPECT_EQ(joined.values, whole.at(key).values) << expected.hf_name;
      }
    }
  }
}

TEST_F(EngineBuilderTest, TheSameBytesWhateverTheThreads) {
  for (PackedFor device : {PackedFor::kCpu, PackedFor::kCuda}) {
    const std::string name = std::to_string(static_cast<int>(device));
    ASSERT_TRUE(Build("hf", Settings(device, 1, "fp8"), name + "a", 1).ok());
    ASSERT_TRUE(Build("hf", Settings(device, 1, "fp8"), name + "b", 3).ok());
    for (const char* file : {"/engine.json", "/rank0.weights", "/tokenizer.json"}) {
      EXPECT_EQ(ReadFile(dir_.File(name + "a") + file).value(),
                ReadFile(dir_.File(name + "b") + file).value());
    }
  }
}

// The bits of the logits: packing before and while loading is one thing.
TEST_F(EngineBuilderTest, AnEngineComputesWhatItsSourceDoes) {
  WriteBytes(dir_.File("model.gguf"), TinyGguf().Build());
  for (const char* source : {"hf", "model.gguf"}) {
    for (const char* quantize : {"none", "fp8", "int8_wo", "q8_0"}) {
      SCOPED_TRACE(std::string(source) + " " + quantize);
      const std::string name = std::string(source) + quantize;
      ASSERT_TRUE(Build(source, Settings(PackedFor::kCpu, 1, quantize), name).ok());
      EngineConfig config;
      config.kv_cache_bytes = 1 << 20;
      config.quantize = quantize;
      ThreadPool pool(2);
      const Checkpoint from = OpenCheckpoint(dir_.File(source)).value();
      const auto before = LoadModel(from, nullptr, config, pool).value();
      config.quantize = "none";
      const Checkpoint engine = OpenCheckpoint(dir_.File(name)).value();
      EXPECT_EQ(engine.tokenizer.tokens, from.tokenizer.tokens);
      EXPECT_EQ(engine.tokenizer.tokenizer_json, from.tokenizer.tokenizer_json);
      const auto after = LoadModel(engine, nullptr, config, pool).value();
      const std::vector<int32_t> tokens = {1, 5, 3, 8, 2, 9};
      ModelRunner a(*before), b(*after);
      EXPECT_EQ(a.Step({{0, tokens, true}}), b.Step({{0, tokens, true}}));
    }
  }
}

TEST_F(EngineBuilderTest, WhatCannotBeIsOneLine) {
  const auto message = [&](const BuildSettings& settings) {
    return Build("hf", settings, "none").message();
  };
  EXPECT_THAT(message(Settings(PackedFor::kCpu, 3, "none")),
              HasSubstr("3 equal parts of whole heads"));
  EXPECT_THAT(message(Settings(PackedFor::kCuda, 1, "int8_wo")),
              HasSubstr("multiples of 16 and 64"));
  ASSERT_TRUE(Build("hf", Settings(PackedFor::kCpu, 1, "none"), "engine").ok());
  EXPECT_THAT(Build("engine", Settings(PackedFor::kCpu, 1, "none"), "again").message(),
              HasSubstr("is an engine already"));
  EXPECT_THAT(Build("hf", Settings(PackedFor::kCpu, 1, "none"), "engine").message(),
              HasSubstr("exists and is not an empty folder"));
}

// Every byte of the weights and of the manifest counts.
TEST_F(EngineBuilderTest, AFlippedByteOrAShortFileIsFound) {
  ASSERT_TRUE(Build("hf", Settings(PackedFor::kCpu, 1, "none"), "engine").ok());
  EngineConfig config;
  config.kv_cache_bytes = 1 << 20;
  ThreadPool pool(1);
  const auto open = [&]() -> Status {
    auto checkpoint = OpenCheckpoint(dir_.File("engine"));
    if (!checkpoint.ok()) return checkpoint.status();
    return LoadModel(*checkpoint, nullptr, config, pool).status();
  };
  ASSERT_TRUE(open().ok()) << open().message();
  for (const char* name : {"/engine.json", "/rank0.weights", "/tokenizer.json"}) {
    const std::string file = dir_.File("engine") + name;
    const std::string good = ReadFile(file).value();
    for (size_t at = 0; at < good.size(); at += 1 + good.size() / 97) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      WriteBytes(file, bad);
      const Status status = open();
      EXPECT_FALSE(status.ok()) << name << " at " << at;
      EXPECT_THAT(status.message(), HasSubstr(dir_.File("engine")));
      EXPECT_EQ(status.message().find('\n'), std::string::npos);
      WriteBytes(file, good.substr(0, at));
      EXPECT_FALSE(open().ok()) << name << " cut at " << at;
    }
    std::filesystem::remove(file);
    EXPECT_FALSE(open().ok()) << name;
    WriteBytes(file, good);
  }
  EXPECT_TRUE(open().ok());
}

TEST_F(EngineBuilderTest, AnotherVersionAndOtherUsesAreNamed) {
  ASSERT_TRUE(Build("hf", Settings(PackedFor::kCpu, 2, "none"), "two").ok());
  ASSERT_TRUE(Build("hf", Settings(PackedFor::kCuda, 1, "none"), "gpu").ok());
  ASSERT_TRUE(Build("hf", Settings(PackedFor::kCpu, 1, "none"), "one").ok());
  ThreadPool pool(1);
  const auto load = [&](const char* name, const char* quantize, const char* compute) {
    EngineConfig config;
    config.kv_cache_bytes = 1 << 20;
    config.quantize = quantize;
    config.compute = compute;
    const Checkpoint checkpoint = OpenCheckpoint(dir_.File(name)).value();
    return LoadModel(checkpoint, nullptr, config, pool).status().message();
  };
  EXPECT_THAT(load("two", "none", "auto"), HasSubstr("is packed for 2 ranks"));
  EXPECT_THAT(load("gpu", "none", "auto"), HasSubstr("qed build --device cpu"));
  EXPECT_THAT(load("one", "q8_0", "auto"), HasSubstr("give it to qed build"));
  EXPECT_THAT(load("one", "none", "f32"), HasSubstr("--compute f32"));
  const std::string manifest = dir_.File("one/engine.json");
  std::string text = ReadFile(manifest).value();
  text.replace(text.find("\"version\": 1"), 12, "\"version\": 2");
  WriteBytes(manifest, text);
  EXPECT_THAT(OpenCheckpoint(dir_.File("one")).status().message(),
              HasSubstr("is of format version 2, and this program reads version 1"));
}

}  // namespace
}  // namespace qed
