// Files that tests need and the repository does not hold.
#ifndef QED_TESTS_SUPPORT_TEST_FILES_H_
#define QED_TESTS_SUPPORT_TEST_FILES_H_

#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace qed {

// The default model (scripts/get-model puts it there); empty if absent.
inline std::string DefaultModelPath() {
  const std::string path = std::string(QED_SOURCE_DIR) + "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  return std::filesystem::exists(path) ? path : "";
}

// Test data that lies beside the project, not in it; empty if absent.
inline std::string SharedDataPath(const std::string& name) {
  const std::string path = std::string(QED_SOURCE_DIR) + "/../shared/data/" + name;
  return std::filesystem::exists(path) ? path : "";
}

// A folder of the test's own, removed at the end.
class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qed-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace qed

// Skips the test, saying why, where a file is absent.
#define QED_REQUIRE_FILE(path, what) \
  if ((path).empty()) GTEST_SKIP() << "skipped: needs " << (what) << ", which is not here"

#endif  // QED_TESTS_SUPPORT_TEST_FILES_H_
