#include "solve/run_records.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "solve/run_files.h"

namespace qed {
namespace {

constexpr int32_t kMaxSampleIndex = 1 << 16;

using SamplesByProblem = std::map<std::string, std::map<int32_t, Sample>>;

Status AddRecord(Sample sample, SamplesByProblem& by_problem) {
  if (sample.index < 0 || sample.index > kMaxSampleIndex) {
    return Corrupt("sample " + std::to_string(sample.index) + " is out of range");
  }
  std::map<int32_t, Sample>& samples = by_problem[sample.problem_id];
  const int32_t index = sample.index;
  if (!samples.emplace(index, std::move(sample)).second) {
    return Corrupt("sample " + std::to_string(index) + " of its problem is there twice");
  }
  return OkStatus();
}

Problem MakeProblem(const std::string& id, const std::vector<Sample>& samples) {
  Problem problem;
  problem.id = id;
  problem.json = "{}";
  for (const Sample& sample : samples) {
    if (!sample.correct) continue;
    if (!problem.expected_answer) problem.expected_answer = RunRecords::kNeverGiven;
    if (*sample.correct) problem.expected_answer = sample.answer;
  }
  return problem;
}

double FirstStart(const std::vector<Sample>& samples) {
  double first = samples.front().start_time;
  for (const Sample& sample : samples) first = std::min(first, sample.start_time);
  return first;
}

}  // namespace

Result<RunRecords> ReadRunRecords(const std::string& path) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  const std::string file_name = folder ? path + "/" + kRecordsFile : path;
  std::ifstream file(file_name, std::ios::binary);
  if (!file) return NotFound("cannot read " + file_name + ": is it the --output of a qed solve?");
  SamplesByProblem by_problem;
  std::string line;
  size_t most = 0;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    const std::string where = file_name + " line " + std::to_string(number);
    Result<Sample> sample = ParseRecordLine(line);
    if (!sample.ok()) return sample.status().WithPrefix(where);
    most = std::max(most, static_cast<size_t>(std::max(sample->index, 0)) + 1);
    if (Status status = AddRecord(*std::move(sample), by_problem); !status.ok()) {
      return status.WithPrefix(where);
    }
  }
  if (by_problem.empty()) return Corrupt(file_name + " holds no samples");

  std::vector<std::pair<std::string, std::vector<Sample>>> problems;
  for (auto& [id, by_index] : by_problem) {
    if (by_index.size() != most) {
      return Corrupt(file_name + ": problem \"" + id + "\" has " + std::to_string(by_index.size()) +
                     " of " + std::to_string(most) + " samples: finish the run with --resume");
    }
    std::vector<Sample> samples;
    for (auto& [index, sample] : by_index) samples.push_back(std::move(sample));
    problems.emplace_back(id, std::move(samples));
  }
  std::stable_sort(problems.begin(), problems.end(), [](const auto& a, const auto& b) {
    return FirstStart(a.second) < FirstStart(b.second);
  });
  RunRecords records;
  for (auto& [id, samples] : problems) {
    records.problems.push_back(MakeProblem(id, samples));
    records.samples.push_back(std::move(samples));
  }
  return records;
}

int32_t MostAtATime(const RunRecords& records) {
  std::vector<std::pair<double, int32_t>> changes;
  for (const std::vector<Sample>& samples : records.samples) {
    for (const Sample& sample : samples) {
      if (sample.end_time <= sample.start_time) continue;  // never began
      changes.emplace_back(sample.start_time, 1);
      changes.emplace_back(sample.end_time, -1);
    }
  }
  std::sort(changes.begin(), changes.end());  // at one moment, ends first
  int32_t now = 0;
  int32_t most = 1;
  for (const auto& [time, change] : changes) most = std::max(most, now += change);
  return most;
}

}  // namespace qed
