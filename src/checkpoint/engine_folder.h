// Engine folders: a model packed for one kind of device, so that a start reads each byte once
// and converts nothing. Data, not a program: any QED of the same format version reads it.
//
//   engine.json           the manifest: network, formats, places, limits, checksums
//   rank0.weights ...     the block of bytes that each rank has in its memory
//   tokenizer.json ...    what lay beside an HF folder's weights; tokenizer_spec.json
//                         (checkpoint/tokenizer_file.h) where there was no such folder
//   drafter/              a drafter's folder, where one was given
//
// The manifest is written last, in a folder that gets its name when it is whole. It holds its
// own checksum, the size and checksum of every other file, and of rank files a checksum for
// each piece, which whoever reads the piece compares.
#ifndef QED_CHECKPOINT_ENGINE_FOLDER_H_
#define QED_CHECKPOINT_ENGINE_FOLDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/packed_weights.h"

namespace qed {

inline constexpr char kEngineManifest[] = "engine.json";
inline constexpr char kEngineTokenizer[] = "tokenizer_spec.json";
inline constexpr char kEngineDrafter[] = "drafter";
inline constexpr int32_t kEngineVersion = 1;
inline constexpr int64_t kEnginePieceBytes = int64_t{8} << 20;

// Defaults of a start that were chosen at the build; 0: none was.
struct RecordedLimits {
  int32_t max_batch_size = 0;
  int32_t max_seq_len = 0;
  int32_t max_input_len = 0;
  int32_t max_num_tokens = 0;
};

struct EngineRank {
  std::string file;
  PackedWeights weights;
  std::vector<uint64_t> checksums;  // of pieces of kEnginePieceBytes
};

struct EngineFile {
  std::string name;
  int64_t bytes = 0;
  uint64_t checksum = 0;
};

struct EngineFolder {
  PackedFor device = PackedFor::kCpu;
  std::string source;        // name of what it was built from
  std::string quantization;  // of the linears, in words
  std::string adapter;       // name of what was merged; empty: nothing
  std::string fingerprint;   // ModelFingerprint (checkpoint/drafter_checkpoint.h)
  bool has_drafter = false;
  RecordedLimits limits;
  std::vector<EngineRank> ranks;
  std::vector<EngineFile> files;  // all others but the manifest
};

// Whether `path` has a manifest.
bool IsEngineFolder(const std::string& path);

// Opens an engine folder as a checkpoint: `engine` and no tensors but vectors. Compares the
// checksums of all files but the weights, of which it looks at the sizes. kUnsupported for
// another version, kCorrupt for what was damaged. Errors do not begin with the path.
Result<Checkpoint> OpenEngineFolder(const std::string& path);

// A rank's file, open. Const methods may be called by several threads.
class RankFile {
 public:
  // `rank` must outlive the file.
  static Result<RankFile> Open(const std::string& folder, const EngineRank& rank);

  int64_t num_pieces() const { return static_cast<int64_t>(rank_->checksums.size()); }
  int64_t PieceOffset(int64_t piece) const { return piece * kEnginePieceBytes; }
  int64_t PieceBytes(int64_t piece) const;
  // Reads PieceBytes(piece) bytes to `dst` and checks them. kCorrupt, naming the tensor that
  // begins there or before, where they are not what was written.
  Status Read(int64_t piece, std::byte* dst) const;

 private:
  RankFile(std::string path, const EngineRank& rank, UniqueFd fd)
      : path_(std::move(path)), rank_(&rank), fd_(std::move(fd)) {}
  std::string path_;
  const EngineRank* rank_;
  UniqueFd fd_;
};

}  // namespace qed

#endif  // QED_CHECKPOINT_ENGINE_FOLDER_H_
