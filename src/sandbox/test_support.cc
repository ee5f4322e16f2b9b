#include "sandbox/test_support.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace qed {
namespace {

// "pid (comm) state ppid ..."; comm may hold anything, so the last ')' counts.
bool ReadStat(int pid, char* state, int* parent) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return false;
  const size_t end = text.rfind(')');
  return end != std::string::npos &&
         std::sscanf(text.c_str() + end + 1, " %c %d", state, parent) == 2;
}

}  // namespace

std::vector<int> Descendants(int pid) {
  std::vector<int> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const int child = std::atoi(entry.path().filename().c_str());
    char state;
    int parent;
    if (child <= 0 || !ReadStat(child, &state, &parent) || parent != pid || state == 'Z') continue;
    found.push_back(child);
    for (const int deeper : Descendants(child)) found.push_back(deeper);
  }
  return found;
}

bool DescendantsWithin(size_t count, double seconds) {
  for (int left = static_cast<int>(seconds * 1000); left >= 0; left -= 5) {
    if (Descendants(::getpid()).size() == count) return true;
    ::usleep(5000);
  }
  return false;
}

bool GoneWithin(int pid, double seconds) {
  for (int left = static_cast<int>(seconds * 1000); left >= 0; left -= 5) {
    char state;
    int parent;
    if (!ReadStat(pid, &state, &parent) || state == 'Z') return true;
    ::usleep(5000);
  }
  return false;
}

}  // namespace qed
