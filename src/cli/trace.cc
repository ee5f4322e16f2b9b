#include "cli/trace.h"

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using nlohmann::json;

constexpr int32_t kVersion = 1;
constexpr int64_t kMaxTokens = (1 << 24) - 1;
constexpr int64_t kMaxSamples = 1 << 20;
constexpr size_t kMaxStretches = 4096;
constexpr double kMaxWaitSeconds = 3600;
constexpr size_t kMaxFileBytes = size_t{1} << 30;
constexpr size_t kMaxNameBytes = 256;

// A whole number under `key`, `absent` where there is none.
Result<int32_t> ReadCount(const json& object, const char* key, int64_t least, int64_t most,
                          std::optional<int32_t> absent) {
  const auto it = object.find(key);
  if (it == object.end() && absent) return *absent;
  if (it == object.end()) return InvalidArgument(std::string("lacks \"") + key + "\"");
  constexpr uint64_t kFar = uint64_t{1} << 40;  // out of every range
  const bool whole = it->is_number_unsigned();
  const auto value = whole ? static_cast<int64_t>(std::min(it->get<uint64_t>(), kFar)) : -1;
  if (!whole || value < least || value > most) {
    return InvalidArgument(std::string("\"") + key + "\" is not a whole number from " +
                           std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int32_t>(value);
}

Result<std::string> ReadName(const json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || !it->is_string() || it->get_ref<const std::string&>().empty() ||
      it->get_ref<const std::string&>().size() > kMaxNameBytes) {
    return InvalidArgument(std::string("\"") + key + "\" is not a name of at most " +
                           std::to_string(kMaxNameBytes) + " bytes");
  }
  return it->get<std::string>();
}

Result<std::vector<int32_t>> ReadIds(const json& list, const char* key) {
  std::vector<int32_t> ids;
  bool good = list.is_array() && static_cast<int64_t>(list.size()) <= kMaxTokens;
  for (size_t i = 0; good && i < list.size(); ++i) {
    good = list[i].is_number_unsigned() && list[i].get<uint64_t>() <= uint64_t{kMaxTokens};
    if (good) ids.push_back(list[i].get<int32_t>());
  }
  if (!good) return InvalidArgument(std::string("\"") + key + "\" is not a list of token ids");
  return ids;
}

// A count under `key`, or the tokens themselves under `ids_key`.
Status ReadTokens(const json& object, const char* key, const char* ids_key, int32_t least,
                  int32_t& count, std::vector<int32_t>& ids) {
  const auto it = object.find(ids_key);
  if (it == object.end()) {
    const std::optional<int32_t> absent = least == 0 ? std::optional<int32_t>(0) : std::nullopt;
    QED_ASSIGN_OR_RETURN(count, ReadCount(object, key, least, kMaxTokens, absent));
    return OkStatus();
  }
  if (object.contains(key)) {
    return InvalidArgument(std::string("has both \"") + key + "\" and \"" + ids_key + "\"");
  }
  QED_ASSIGN_OR_RETURN(ids, ReadIds(*it, ids_key));
  count = static_cast<int32_t>(ids.size());
  if (count < least) return InvalidArgument(std::string("\"") + ids_key + "\" is empty");
  return OkStatus();
}

Result<TraceStretch> ReadStretch(const json& object) {
  if (!object.is_object()) return InvalidArgument("has a stretch that is not an object");
  TraceStretch stretch;
  QED_RETURN_IF_ERROR(ReadTokens(object, "generate", "ids", 1, stretch.generate, stretch.ids));
  QED_RETURN_IF_ERROR(
      ReadTokens(object, "append", "append_ids", 0, stretch.append, stretch.outputs));
  if (const auto it = object.find("wait_s"); it != object.end()) {
    const double seconds = it->is_number() ? it->get<double>() : -1;
    if (!(seconds >= 0 && seconds <= kMaxWaitSeconds)) {
      return InvalidArgument("\"wait_s\" is not a number from 0 to 3600");
    }
    stretch.wait_seconds = seconds;
  }
  return stretch;
}

Result<TraceSample> ReadSample(const json& object) {
  TraceSample sample;
  QED_ASSIGN_OR_RETURN(sample.problem, ReadName(object, "problem"));
  QED_RETURN_IF_ERROR(
      ReadTokens(object, "prompt", "prompt_ids", 1, sample.prompt, sample.prompt_ids));
  const auto it = object.find("stretches");
  if (it == object.end() || !it->is_array() || it->empty() || it->size() > kMaxStretches) {
    return InvalidArgument("\"stretches\" is not a list of 1 to " + std::to_string(kMaxStretches));
  }
  for (const json& entry : *it) {
    QED_ASSIGN_OR_RETURN(TraceStretch stretch, ReadStretch(entry));
    sample.stretches.push_back(std::move(stretch));
  }
  const TraceStretch& last = sample.stretches.back();
  if (last.append != 0 || last.wait_seconds != 0) {
    return InvalidArgument("the last stretch appends or waits, and nothing comes after it");
  }
  return sample;
}

Status ReadHeader(const json& object, Trace& trace) {
  if (!object.contains("trace")) return InvalidArgument("lacks \"trace\": is this a trace?");
  const Result<int32_t> version = ReadCount(object, "trace", kVersion, kVersion, {});
  if (!version.ok()) return Unsupported("is of a version that is not known; version 1 is");
  QED_ASSIGN_OR_RETURN(trace.name, ReadName(object, "name"));
  QED_ASSIGN_OR_RETURN(trace.at_a_time, ReadCount(object, "at_a_time", 0, kMaxSamples, 0));
  QED_ASSIGN_OR_RETURN(trace.enough, ReadCount(object, "enough", 0, kMaxSamples, 0));
  return OkStatus();
}

// The first line that is not empty is the header.
Status ReadLine(std::string_view line, bool& has_header, Trace& trace) {
  QED_ASSIGN_OR_RETURN(const json object, ParseJson(line));
  if (!object.is_object()) return InvalidArgument("is not a JSON object");
  if (!has_header) {
    has_header = true;
    return ReadHeader(object, trace);
  }
  if (static_cast<int64_t>(trace.samples.size()) == kMaxSamples) {
    return InvalidArgument("is one sample more than the " + std::to_string(kMaxSamples) +
                           " that a trace may have");
  }
  QED_ASSIGN_OR_RETURN(TraceSample sample, ReadSample(object));
  trace.samples.push_back(std::move(sample));
  return OkStatus();
}

void PutTokens(json& object, const char* key, const char* ids_key, int32_t count,
               const std::vector<int32_t>& ids) {
  if (!ids.empty()) {
    object[ids_key] = ids;
  } else if (count > 0) {
    object[key] = count;
  }
}

}  // namespace

int64_t TraceSample::tokens() const {
  int64_t sum = prompt;
  for (const TraceStretch& stretch : stretches) sum += stretch.generate + stretch.append;
  return sum;
}

Result<Trace> ParseTrace(std::string_view text, const std::string& name) {
  Trace trace;
  bool has_header = false;
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (Status status = ReadLine(line, has_header, trace); !status.ok()) {
      return status.WithPrefix(name + " line " + std::to_string(number));
    }
  }
  if (trace.samples.empty()) return InvalidArgument(name + " holds no samples");
  return trace;
}

Result<Trace> ReadTrace(const std::string& path) {
  QED_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  return ParseTrace(text, path);
}

std::string TraceText(const Trace& trace) {
  json header = {{"trace", kVersion}, {"name", trace.name}};
  if (trace.at_a_time > 0) header["at_a_time"] = trace.at_a_time;
  if (trace.enough > 0) header["enough"] = trace.enough;
  std::string text = DumpJson(header) + "\n";
  for (const TraceSample& sample : trace.samples) {
    json line = {{"problem", sample.problem}, {"stretches", json::array()}};
    PutTokens(line, "prompt", "prompt_ids", sample.prompt, sample.prompt_ids);
    for (const TraceStretch& stretch : sample.stretches) {
      json entry = json::object();
      PutTokens(entry, "generate", "ids", stretch.generate, stretch.ids);
      PutTokens(entry, "append", "append_ids", stretch.append, stretch.outputs);
      if (stretch.wait_seconds > 0) entry["wait_s"] = stretch.wait_seconds;
      line["stretches"].push_back(std::move(entry));
    }
    text += DumpJson(line) + "\n";
  }
  return text;
}

}  // namespace qed
