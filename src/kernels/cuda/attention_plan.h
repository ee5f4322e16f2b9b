// How one step's attention on a GPU is cut into thread blocks: a pure function of
// the step's lengths, written straight into the pinned memory whose copy the
// kernels read (kernels/cuda/paged_attention.h).
//
// A block takes one tile of queries of one sequence, for one KV head, over one
// chunk of its tokens. The queries of a tile are "packed": those of all query heads
// that share the KV head count, row by row. Tiles come in three sizes, so that a
// decode row is not computed as if it were a prompt. Few or long sequences are cut
// into chunks until every multiprocessor has work; the last block of a tile merges
// its chunks.
#ifndef QED_KERNELS_CUDA_ATTENTION_PLAN_H_
#define QED_KERNELS_CUDA_ATTENTION_PLAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/paged_kv.h"

namespace qed::cuda {

// Packed rows of a tile. A sequence goes to the smallest that holds all of its
// packed rows, else to the last.
inline constexpr std::array<int32_t, 3> kAttentionTiles = {16, 64, 128};

// Long prompts have a kernel of their own where the GPU does: their tiles are of
// queries of one head, not packed, and they are not split.
inline constexpr int32_t kLongPromptTile = 128;
inline constexpr int32_t kLongPromptRows = 384;  // least for it

// What one block (for every KV head) does; read by the kernels as it is.
struct AttentionItem {
  int32_t first_row = 0;   // of the sequence's queries in the step's rows
  int32_t num_rows = 0;    // its queries in the step
  int32_t context = 0;     // its tokens in the cache, the step's included
  int32_t first_page = 0;  // in the plan's list of pages
  int32_t end_page = 0;    // one after its last; must follow first_page
  int32_t tile = 0;        // which of the sequence's tiles
  int32_t chunk = 0;       // which of the sequence's chunks
  int32_t num_chunks = 1;  // of the sequence; 1: it is not split
  int32_t chunk_tokens = 0;
  int32_t tile_chunks = 1;    // the first chunks, those that hold a token its last row sees
  int32_t first_partial = 0;  // partial row of (query 0, chunk 0): query q, chunk c has
                              // first_partial + q * num_chunks + c
  int32_t counter = 0;        // of the tile's finished chunks, where the sequence is split
  int32_t zero = 0;           // the index of the sequence in this item: there is one
  int32_t unused[3] = {};
};
static_assert(sizeof(AttentionItem) == 64);

struct AttentionShape {
  int32_t num_heads = 0;
  int32_t num_kv_heads = 0;  // divides num_heads
  int32_t head_dim = 0;
  int32_t page_size = 0;  // tokens
};

struct AttentionPlan {
  struct Launch {
    int32_t tile_rows = 0;  // of kAttentionTiles, or kLongPromptTile
    bool long_prompt = false;
    int32_t first_item = 0;
    // Blocks for each KV head: those beyond the count of items do nothing, and of the
    // smallest tile may be fewer than the items, which they take in turns.
    int32_t grid_items = 0;
  };
  std::array<Launch, kAttentionTiles.size() + 1> launches;
  int32_t num_launches = 0;
  int32_t num_tokens = 0;  // T, padding included

  // Where the parts lie in the plan's memory, in bytes.
  int64_t counts = 0;     // int32 [launches]: items of each
  int64_t positions = 0;  // int32 [T]: of each token in its sequence; 0 for padding
  int64_t slots = 0;      // int32 [T]: page * page_size + place in it; -1 for padding
  int64_t items = 0;      // AttentionItem [...]
  int64_t pages = 0;      // int32 [...]: page ids, sequence by sequence
  int64_t bytes = 0;      // to copy to the GPU
};

class AttentionPlanner {
 public:
  struct Limits {
    int32_t max_sequences = 0;
    int32_t max_tokens = 0;     // most T, padding included
    int32_t max_seq_len = 0;    // most context
    int32_t num_sms = 0;        // multiprocessors of the GPU
    bool long_prompts = false;  // whether the GPU has the kernel for them
  };

  AttentionPlanner(const AttentionShape& shape, const Limits& limits);

  // Most bytes of a plan.
  int64_t max_plan_bytes() const { return max_plan_bytes_; }
  // Rows of [H, D] for results of chunks, and tiles that may be split at a time.
  int32_t max_partial_rows() const;
  int32_t max_counters() const;

  // Plans a step into `memory`, 16-byte aligned and max_plan_bytes() long.
  // Allocates nothing. REQUIRES: within the limits, num_rows and context of every
  // sequence at least 1.
  AttentionPlan Plan(std::span<const AttentionSequence> sequences, std::byte* memory);

  // The same for at most `padded_sequences` sequences of `rows_each` rows, sequence i
  // at row i * rows_each. Everything in the plan but `bytes` depends on these two
  // numbers alone, so that work recorded once does for all such steps.
  AttentionPlan PlanPadded(std::span<const AttentionSequence> sequences, int32_t padded_sequences,
                           int32_t rows_each, std::byte* memory);

 private:
  // How a sequence is cut.
  struct Cut {
    int32_t size_class = 0;  // index in kAttentionTiles; their number for a long prompt
    int32_t tiles = 0;
    int32_t chunks = 1;
    int32_t chunk_tokens = 0;
  };

  int64_t ItemLimit(int64_t tiles, int32_t waves) const;
  static int32_t MostWaves(int32_t size_class);
  Cut CutRows(int32_t num_rows) const;
  int64_t CutSequences(std::span<const AttentionSequence> sequences);
  void ChooseChunks(std::span<const AttentionSequence> sequences, int32_t size_class);
  int64_t CountItems(std::span<const AttentionSequence> sequences, int32_t size_class,
                     int64_t chunk) const;
  int64_t SmallestChunk(std::span<const AttentionSequence> sequences, int32_t size_class,
                        int32_t longest, int64_t limit) const;
  void Layout(int64_t items, AttentionPlan& plan) const;
  void Fill(std::span<const AttentionSequence> sequences, std::byte* memory, AttentionPlan& plan);
  void FillTokens(std::span<const AttentionSequence> sequences, const AttentionPlan& plan,
                  std::byte* memory) const;
  int64_t FillPages(std::span<const AttentionSequence> sequences, const AttentionPlan& plan,
                    std::byte* memory);
  int32_t FillItems(std::span<const AttentionSequence> sequences, int32_t size_class,
                    AttentionItem* items);

  AttentionShape shape_;
  Limits limits_;
  int32_t group_;           // query heads of one KV head
  int32_t blocks_at_once_;  // of one KV head
  int64_t max_plan_bytes_;

  // Of the plan being made.
  std::vector<Cut> cuts_;            // [sequences]
  std::vector<int32_t> first_page_;  // [sequences]
  std::vector<int32_t> order_;       // longest context first
  int32_t partial_rows_ = 0;
  int32_t counters_ = 0;
};

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_ATTENTION_PLAN_H_
