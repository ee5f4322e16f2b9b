// Files that lie, each in one way: every one must end in a one-line error, and
// none may talk the reader into a large allocation.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <new>
#include <tuple>

#include "checkpoint/gguf_checkpoint.h"
#include "checkpoint/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/tiny_model.h"

namespace {

std::atomic<size_t> largest_allocation{0};

void* Allocate(size_t size) {
  size_t seen = largest_allocation.load();
  while (size > seen && !largest_allocation.compare_exchange_weak(seen, size)) {
  }
  void* data = std::malloc(size == 0 ? 1 : size);
  if (data == nullptr) std::abort();
  return data;
}

}  // namespace

void* operator new(size_t size) { return Allocate(size); }
void* operator new[](size_t size) { return Allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* data) noexcept { std::free(data); }
void operator delete[](void* data) noexcept { std::free(data); }
void operator delete(void* data, size_t) noexcept { std::free(data); }
void operator delete[](void* data, size_t) noexcept { std::free(data); }

namespace qed {
namespace {

using ::testing::HasSubstr;

constexpr char kQ[] = "blk.1.attn_q.weight";
constexpr char kNorm[] = "blk.0.attn_norm.weight";
// The names of 1,024 layers (the most that are believed) take 1.5 MiB.
constexpr size_t kAllowedAllocation = size_t{2} << 20;

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

void ExpectOneLine(const Status& status, const char* wanted) {
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr(wanted));
  EXPECT_LT(status.message().size(), 1000u);
  for (char c : status.message()) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << status.message();
  EXPECT_LT(largest_allocation.load(), kAllowedAllocation);
}

struct GgufCase {
  const char* name;
  std::function<void(GgufWriter&)> write;                      // a lie told while writing
  std::function<void(const GgufWriter&, std::string&)> patch;  // or put into the bytes
  const char* wanted;
};

template <typename T>
auto PatchAt(const std::string& field, T value, size_t offset = 0) {
  return [=](const GgufWriter& writer, std::string& bytes) {
    Patch(bytes, writer.At(field) + offset, value);
  };
}

template <typename T>
auto Set(const std::string& key, T value) {
  return [=](GgufWriter& writer) { writer.Add(key, value); };
}

auto Without(const std::string& key) {
  return [=](GgufWriter& writer) { writer.Remove(key); };
}

auto CutTo(size_t size) {
  return [=](const GgufWriter&, std::string& bytes) { bytes.resize(size); };
}

constexpr uint64_t kHuge = uint64_t{1} << 60;

const GgufCase kHeaderCases[] = {
    {"empty", {}, CutTo(0), "not a GGUF file"},
    {"three bytes", {}, CutTo(3), "not a GGUF file"},
    {"magic only", {}, CutTo(4), "cut off"},
    {"cut in counts", {}, CutTo(20), "cut off"},
    {"other magic", {}, [](const GgufWriter&, std::string& b) { b[0] = 'g'; }, "not a GGUF file"},
    {"version 0", {}, PatchAt("version", uint32_t{0}), "version 0"},
    {"version 1", {}, PatchAt("version", uint32_t{1}), "version 1"},
    {"version 4", {}, PatchAt("version", uint32_t{4}), "version 4"},
    {"big-endian", {}, PatchAt("version", uint32_t{3} << 24), "big-endian"},
    {"2^60 tensors", {}, PatchAt("tensor_count", kHuge), "impossible"},
    {"2^64-1 tensors", {}, PatchAt("tensor_count", ~uint64_t{0}), "impossible"},
    {"2^60 keys", {}, PatchAt("metadata_count", kHuge), "impossible"},
    {"one tensor too many",
     {},
     [](const GgufWriter& w, std::string& b) {
       Patch(b, w.At("tensor_count"), uint64_t{b.size() / 40});
     },
     "tensor"},
    {"one key too many",
     {},
     [](const GgufWriter& w, std::string& b) {
       uint64_t count = 0;
       std::memcpy(&count, b.data() + w.At("metadata_count"), 8);
       Patch(b, w.At("metadata_count"), count + 1);
     },
     "tensor 0 has no readable name"},
    {"huge key", {}, PatchAt("general.architecture key", kHuge), "no readable key"},
    {"empty key", {}, PatchAt("general.architecture key", uint64_t{0}), "no readable key"},
    {"unknown value type",
     {},
     PatchAt("general.architecture type", uint32_t{13}),
     "impossible type"},
    {"huge string", {}, PatchAt("general.architecture value", kHuge), "general.architecture"},
    {"overflowing string", {}, PatchAt("general.architecture value", ~uint64_t{0}), "impossible"},
    {"unknown element type",
     {},
     PatchAt("tokenizer.ggml.tokens value", uint32_t{99}),
     "impossible"},
    {"2^60 strings", {}, PatchAt("tokenizer.ggml.tokens value", kHuge, 4), "tokenizer.ggml.tokens"},
    {"2^60 integers", {}, PatchAt("tokenizer.ggml.token_type value", kHuge, 4), "token_type"},
    {"overflowing integers",
     {},
     PatchAt("tokenizer.ggml.token_type value", ~uint64_t{0} / 4 + 2, 4),
     "token_type"},
    {"huge element",
     {},
     PatchAt("tokenizer.ggml.tokens value", kHuge, 12),
     "tokenizer.ggml.tokens"},
    {"arrays in arrays without end",
     [](GgufWriter& w) {
       std::string value;
       for (int i = 0; i < 1000; ++i) value += std::string("\x09\0\0\0\x01\0\0\0\0\0\0\0", 12);
       w.AddRaw("deep", 9, value);
     },
     {},
     "deep"},
    {"bool of 2", [](GgufWriter& w) { w.AddRaw("flag", 7, "\x02"); }, {}, "flag"},
    {"newline in a key", [](GgufWriter& w) { w.AddRaw("a\nb", 7, "\x02"); }, {}, "a?b"},
    {"alignment 0", Set("general.alignment", uint32_t{0}), {}, "general.alignment"},
    {"alignment 24", Set("general.alignment", uint32_t{24}), {}, "power of two"},
    {"alignment 2^31", Set("general.alignment", uint32_t{1} << 31), {}, "general.alignment"},
    {"alignment as text", Set("general.alignment", "32"), {}, "general.alignment"},
};

const GgufCase kTensorCases[] = {
    {"huge name", {}, PatchAt(std::string(kQ) + " name", kHuge), "no readable name"},
    {"0 dimensions", {}, PatchAt(std::string(kQ) + " dimensions", uint32_t{0}), "dimensions"},
    {"5 dimensions", {}, PatchAt(std::string(kQ) + " dimensions", uint32_t{5}), "dimensions"},
    {"2^32-1 dimensions", {}, PatchAt(std::string(kQ) + " dimensions", ~uint32_t{0}), "dimensions"},
    {"dimension 0", {}, PatchAt(std::string(kQ) + " shape", uint64_t{0}), "dimension of 0"},
    {"dimension 2^63", {}, PatchAt(std::string(kQ) + " shape", uint64_t{1} << 63), "impossible"},
    {"overflowing size", {}, PatchAt(std::string(kQ) + " shape", kHuge), "impossible shape"},
    {"larger than the file", {}, PatchAt(std::string(kQ) + " shape", uint64_t{1} << 40), "beyond"},
    {"type number 4", {}, PatchAt(std::string(kQ) + " type", uint32_t{4}), "type number 4"},
    {"type number 2^32-1", {}, PatchAt(std::string(kQ) + " type", ~uint32_t{0}), "unknown type"},
    {"type Q5_K", {}, PatchAt(std::string(kQ) + " type", uint32_t{13}), "Q5_K"},
    {"rows not whole blocks",
     {},
     PatchAt(std::string(kQ) + " type", uint32_t{kGgmlQ4_K}),
     "blocks of 256"},
    {"offset beyond the end",
     {},
     PatchAt(std::string(kQ) + " offset", uint64_t{1} << 40),
     "beyond"},
    {"overflowing offset", {}, PatchAt(std::string(kQ) + " offset", ~uint64_t{31}), "beyond"},
    {"unaligned offset", {}, PatchAt(std::string(kQ) + " offset", uint64_t{4}), "not aligned"},
    {"overlap", {}, PatchAt(std::string(kQ) + " offset", uint64_t{32}), "overlap"},
    {"same offset twice", {}, PatchAt(std::string(kQ) + " offset", uint64_t{0}), "overlap"},
    {"cut in the table",
     {},
     [](const GgufWriter& w, std::string& b) { b.resize(w.At(std::string(kQ) + " type")); },
     "cut off"},
    {"cut before the data",
     {},
     [](const GgufWriter& w, std::string& b) { b.resize(w.At("data")); },
     "truncated"},
    {"cut in the data", {}, [](const GgufWriter&, std::string& b) { b.pop_back(); }, "truncated"},
};

const GgufCase kModelCases[] = {
    {"no architecture", Without("general.architecture"), {}, "general.architecture"},
    {"unknown architecture", Set("general.architecture", "gpt\nj"), {}, "gpt?j"},
    {"architecture as number", Set("general.architecture", 3.0f), {}, "not a string"},
    {"no layers", Without("llama.block_count"), {}, "llama.block_count"},
    {"0 layers", Set("llama.block_count", uint32_t{0}), {}, "number of layers is 0"},
    {"1000 layers", Set("llama.block_count", uint32_t{1000}), {}, "missing: blk.2"},
    {"2^32-1 layers", Set("llama.block_count", ~uint32_t{0}), {}, "llama.block_count"},
    {"3 layers", Set("llama.block_count", uint32_t{3}), {}, "9 missing: blk.2.attn_norm.weight"},
    {"1 layer", Set("llama.block_count", uint32_t{1}), {}, "9 not used: blk.1.attn_k.weight"},
    {"layers as text", Set("llama.block_count", "2"), {}, "not an integer"},
    {"negative layers", Set("llama.block_count", int32_t{-2}), {}, "llama.block_count is -2"},
    {"0 heads", Set("llama.attention.head_count", uint32_t{0}), {}, "no attention heads"},
    {"heads per layer",
     [](GgufWriter& w) {
       w.AddArray("llama.attention.head_count", std::vector<uint32_t>{4, 4});
     },
     {},
     "not an integer"},
    {"heads that do not divide", Set("llama.attention.head_count_kv", uint32_t{3}), {}, "4 heads"},
    {"0 key-value heads", Set("llama.attention.head_count_kv", uint32_t{0}), {}, "key-value heads"},
    {"hidden size 0", Set("llama.embedding_length", uint32_t{0}), {}, "hidden size is 0"},
    {"other hidden size", Set("llama.embedding_length", uint32_t{64}), {}, "of the wrong shape"},
    {"other intermediate size",
     Set("llama.feed_forward_length", uint32_t{96}),
     {},
     "blk.0.ffn_gate.weight is [64, 32] and must be [96, 32]"},
    {"context 0", Set("llama.context_length", uint32_t{0}), {}, "context length is 0"},
    {"odd head size",
     [](GgufWriter& w) {
       w.Add("llama.attention.key_length", uint32_t{15});
       w.Add("llama.attention.value_length", uint32_t{15});
     },
     {},
     "odd"},
    {"values unlike keys", Set("llama.attention.value_length", uint32_t{8}), {}, "must be equal"},
    {"partial rotation", Set("llama.rope.dimension_count", uint32_t{8}), {}, "rotates 8 of 16"},
    {"no epsilon", Without("llama.attention.layer_norm_rms_epsilon"), {}, "epsilon"},
    {"negative epsilon", Set("llama.attention.layer_norm_rms_epsilon", -1.0f), {}, "epsilon"},
    {"RoPE base 0", Set("llama.rope.freq_base", 0.0f), {}, "RoPE base"},
    {"RoPE base infinite", Set("llama.rope.freq_base", HUGE_VALF), {}, "finite"},
    {"experts", Set("llama.expert_count", uint32_t{8}), {}, "mixture of experts"},
    {"sliding window", Set("llama.attention.sliding_window", uint32_t{64}), {}, "sliding"},
    {"longrope", Set("llama.rope.scaling.type", "longrope"), {}, "longrope"},
    {"yarn's log multiplier",
     [](GgufWriter& w) {
       w.Add("llama.rope.scaling.type", "yarn");
       w.Add("llama.rope.scaling.yarn_log_multiplier", 0.1F);
     },
     {},
     "yarn_log_multiplier"},
    {"yarn shrinks",
     [](GgufWriter& w) {
       w.Add("llama.rope.scaling.type", "yarn");
       w.Add("llama.rope.scaling.factor", 0.5F);
     },
     {},
     "contradict"},
    {"split", Set("split.count", uint16_t{2}), {}, "split"},
    {"no tokens", Without("tokenizer.ggml.tokens"), {}, "tokenizer.ggml.tokens"},
    {"no tokenizer model", Without("tokenizer.ggml.model"), {}, "tokenizer.ggml.model"},
    {"tokens as numbers",
     [](GgufWriter& w) { w.AddArray("tokenizer.ggml.tokens", std::vector<int32_t>{1}); },
     {},
     "array of strings"},
    {"one token too few",
     [](GgufWriter& w) {
       w.AddStrings("tokenizer.ggml.tokens", std::vector<std::string>(11, "x"));
       w.Remove("tokenizer.ggml.token_type");
     },
     {},
     "11 tokens, 11 by llama.vocab_size, 12 rows"},
    {"other vocab_size", Set("llama.vocab_size", uint32_t{13}), {}, "13 by llama.vocab_size"},
    {"fewer types than tokens",
     [](GgufWriter& w) { w.AddArray("tokenizer.ggml.token_type", std::vector<int32_t>{1}); },
     {},
     "12 tokens but 1 token types"},
    {"eos outside", Set("tokenizer.ggml.eos_token_id", uint32_t{12}), {}, "outside the vocabulary"},
    {"bos negative", Set("tokenizer.ggml.bos_token_id", int32_t{-7}), {}, "bos_token_id"},
    {"quantized norm",
     [](GgufWriter& w) { w.AddTensor(kNorm, kGgmlQ8_0, {32}, std::string(34, '\0')); },
     {},
     "of the wrong type: blk.0.attn_norm.weight is Q8_0"},
    {"integer weights",
     [](GgufWriter& w) {
       w.AddTensor(kQ, 26, {64, 32}, std::string(8192, '\0'));
     },
     {},
     "blk.1.attn_q.weight is I32"},
    {"rope_freqs of another size",
     [](GgufWriter& w) { w.AddTensor("rope_freqs.weight", 0, {4}, RandomF32(4, 1)); },
     {},
     "rope_freqs.weight is F32 [4] and must be F32 [8]"},
    {"rope_freqs not positive",
     [](GgufWriter& w) { w.AddTensor("rope_freqs.weight", 0, {8}, std::string(32, '\0')); },
     {},
     "not positive"},
};

void RunGgufCases(std::span<const GgufCase> cases) {
  for (const GgufCase& c : cases) {
    SCOPED_TRACE(c.name);
    GgufWriter writer = TinyGguf();
    if (c.write) c.write(writer);
    std::string bytes = writer.Build();
    if (c.patch) c.patch(writer, bytes);
    largest_allocation = 0;
    ExpectOneLine(GgufCheckpoint(Bytes(bytes)).status(), c.wanted);
  }
}

TEST(CorruptionTest, GgufHeaderAndMetadata) { RunGgufCases(kHeaderCases); }
TEST(CorruptionTest, GgufTensorTable) { RunGgufCases(kTensorCases); }
TEST(CorruptionTest, GgufModel) { RunGgufCases(kModelCases); }

TEST(CorruptionTest, GgufTensorsTwice) {
  GgufWriter writer = TinyGguf();
  std::string bytes = writer.Build();
  // The two names are equally long.
  const size_t from = writer.At("blk.0.attn_q.weight name") + 8;
  std::memcpy(bytes.data() + writer.At("blk.1.attn_q.weight name") + 8, bytes.data() + from, 19);
  ExpectOneLine(GgufCheckpoint(Bytes(bytes)).status(), "appears twice");
}

TEST(CorruptionTest, GgufCutAnywhere) {
  const std::string bytes = TinyGguf().Build();
  for (size_t size = 0; size < bytes.size(); size += size < 8000 ? 1 : 997) {
    SCOPED_TRACE(size);
    largest_allocation = 0;
    ExpectOneLine(GgufCheckpoint(Bytes(bytes.substr(0, size))).status(), "");
  }
}

// What a reader sees of a checkpoint's tensors: where their bytes lie in the file.
std::map<std::string, std::tuple<DType, std::vector<int64_t>, ptrdiff_t, size_t>> Layout(
    const Checkpoint& checkpoint, const std::string& bytes) {
  std::map<std::string, std::tuple<DType, std::vector<int64_t>, ptrdiff_t, size_t>> layout;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    layout[name] = {tensor.dtype, tensor.shape, tensor.data.data() - Bytes(bytes).data(),
                    tensor.data.size()};
  }
  return layout;
}

// A model whose last tensor need not be there: without it the head is the
// embedding, and "rope_freqs.weight" may come or go.
GgufWriter GgufWithOptionalTensors() {
  GgufWriter writer = TinyGguf();
  writer.AddTensor("output.weight", kGgmlF32, {12, 32}, RandomF32(12 * 32, 7));
  std::string factors(32, '\0');
  for (size_t i = 0; i < 8; ++i) Patch(factors, 4 * i, 1.0f);
  writer.AddTensor("rope_freqs.weight", kGgmlF32, {8}, factors);
  return writer;
}

// A header may not claim fewer tensors or keys than the file has: the data would
// be looked for in the wrong place.
TEST(CorruptionTest, GgufCountsThatAreTooSmall) {
  GgufWriter writer = GgufWithOptionalTensors();
  const std::string good = writer.Build();
  ASSERT_TRUE(GgufCheckpoint(Bytes(good)).ok()) << GgufCheckpoint(Bytes(good)).status().message();
  for (const char* field : {"tensor_count", "metadata_count"}) {
    uint64_t count = 0;
    std::memcpy(&count, good.data() + writer.At(field), 8);
    for (uint64_t claimed = 0; claimed < count; ++claimed) {
      SCOPED_TRACE(std::string(field) + " " + std::to_string(claimed));
      std::string bytes = good;
      Patch(bytes, writer.At(field), claimed);
      largest_allocation = 0;
      ExpectOneLine(GgufCheckpoint(Bytes(bytes)).status(), "");
    }
  }
}

TEST(CorruptionTest, GgufHolesAndTails) {
  const std::string good = TinyGguf().Build();
  EXPECT_TRUE(GgufCheckpoint(Bytes(good + std::string(31, '\0'))).ok());
  ExpectOneLine(GgufCheckpoint(Bytes(good + std::string(32, '\0'))).status(),
                "belong to no tensor");
  ExpectOneLine(GgufCheckpoint(Bytes(good + "x")).status(), "1 bytes at its end belong to no");
}

// Any one byte of the tables set to any of three values: no crash, no
// allocation bomb, and what opens has every tensor where it was.
TEST(CorruptionTest, GgufBytesChangedAnywhere) {
  GgufWriter writer = GgufWithOptionalTensors();
  const std::string good = writer.Build();
  const auto layout = Layout(*GgufCheckpoint(Bytes(good)), good);
  for (size_t at = 0; at < writer.At("data"); ++at) {
    for (char value : {'\0', '\x7f', '\xff'}) {
      std::string bytes = good;
      bytes[at] = value;
      largest_allocation = 0;
      auto checkpoint = GgufCheckpoint(Bytes(bytes));
      EXPECT_LT(largest_allocation.load(), kAllowedAllocation);
      if (!checkpoint.ok()) continue;
      ASSERT_EQ(Layout(*checkpoint, bytes), layout) << "byte " << at;
    }
  }
}

struct SafetensorsCase {
  const char* header;
  const char* wanted;
};

// The data behind each header has 16 bytes.
const SafetensorsCase kSafetensorsCases[] = {
    {"", "not JSON"},
    {"{", "not JSON"},
    {"[]", "not a JSON object"},
    {"{}", "belong to no tensor"},
    {R"({"a": 1})", "no description"},
    {R"({"a": {}})", "lacks a readable dtype"},
    {R"({"a": {"dtype": "F32", "shape": [4]}})", "lacks a readable"},
    {R"({"a": {"dtype": "F32", "data_offsets": [0, 16]}})", "lacks a readable"},
    {R"({"a": {"dtype": 32, "shape": [4], "data_offsets": [0, 16]}})", "lacks a readable"},
    {R"({"a": {"dtype": "F8_E5M2", "shape": [16], "data_offsets": [0, 16]}})", "F8_E5M2"},
    {R"({"a": {"dtype": "Q4_0", "shape": [32], "data_offsets": [0, 16]}})", "type Q4_0"},
    {R"({"a": {"dtype": "F32\n", "shape": [4], "data_offsets": [0, 16]}})", "F32?"},
    {R"({"a": {"dtype": "F32", "shape": 4, "data_offsets": [0, 16]}})", "impossible shape"},
    {R"({"a": {"dtype": "F32", "shape": [-4], "data_offsets": [0, 16]}})", "impossible shape"},
    {R"({"a": {"dtype": "F32", "shape": [4.0], "data_offsets": [0, 16]}})", "impossible shape"},
    {R"({"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}})", "impossible shape"},
    {R"({"a": {"dtype": "F32", "shape": [18446744073709551615], "data_offsets": [0, 16]}})",
     "impossible shape"},
    {R"({"a": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 16]}})",
     "impossible shape"},
    {R"({"a": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,4], "data_offsets": [0, 16]}})",
     "impossible shape"},
    {R"({"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 16]}})", "20 bytes, but has 16"},
    {R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}})", "data_offsets"},
    {R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [-16, 0]}})", "data_offsets"},
    {R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0]}})", "lacks a readable"},
    {R"({"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32]}})", "beyond the end"},
    {R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [18446744073709551611, 18446744073709551615]}})",
     "hole"},
    {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}})", "hole"},
    {R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})", "belong to no tensor"},
    {R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
         "b": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}})",
     "overlaps"},
    {R"({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
         "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})",
     "belong to no tensor"},
    {R"({"a": [[[[[[1]]]]]]})", "nested"},
};

TEST(CorruptionTest, Safetensors) {
  for (const SafetensorsCase& c : kSafetensorsCases) {
    SCOPED_TRACE(c.header);
    const std::string bytes = SafetensorsBytes(c.header, std::string(16, 'x'));
    largest_allocation = 0;
    ExpectOneLine(ParseSafetensors(Bytes(bytes)).status(), c.wanted);
  }
}

TEST(CorruptionTest, SafetensorsHeaderLength) {
  const std::string good = BuildSafetensors({{"a", {DType::kF32, {4}, std::string(16, 'x')}}});
  ASSERT_TRUE(ParseSafetensors(Bytes(good)).ok());
  for (uint64_t length : {uint64_t{good.size() - 7}, uint64_t{1} << 40, ~uint64_t{0}}) {
    std::string bytes = good;
    Patch(bytes, 0, length);
    largest_allocation = 0;
    ExpectOneLine(ParseSafetensors(Bytes(bytes)).status(), "claims a header");
  }
  for (size_t size = 0; size < good.size(); ++size) {
    largest_allocation = 0;
    ExpectOneLine(ParseSafetensors(Bytes(good.substr(0, size))).status(), "");
  }
  ExpectOneLine(ParseSafetensors(Bytes(good + "x")).status(), "belong to no tensor");
}

}  // namespace
}  // namespace qed
