// libqed_parquet.so: the only source that sees Arrow. Whatever a file holds ends here as
// a Status; Arrow's own exceptions too.
#include "data/parquet_module.h"

#include <cmath>
#include <functional>
#include <utility>

#include "arrow/api.h"
#include "arrow/io/file.h"
#include "base/json.h"
#include "data/row.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/writer.h"
#include "parquet/exception.h"

namespace qed {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kBatchRows = 64;
constexpr int64_t kGroupBytes = int64_t{32} << 20;
constexpr int kMaxDepth = 32;

// What Arrow says, on one line.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return text.size() > 500 ? text.substr(0, 500) + " ..." : text;
}

Status FromArrow(const arrow::Status& status, const std::string& path) {
  if (status.ok()) return OkStatus();
  std::string what = status.message();
  if (status.detail() != nullptr) what += ": " + status.detail()->ToString();  // of errno
  const std::string message = path + ": " + OneLine(std::move(what));
  if (status.IsOutOfMemory()) return ResourceExhausted(message);
  if (status.IsNotImplemented()) return Unsupported(message);
  return status.IsIOError() ? IoError(message) : Corrupt(message);
}

// Runs what calls Arrow: none of its exceptions may leave the module.
Status Guarded(const std::string& path, const std::function<arrow::Status()>& call) {
  try {
    return FromArrow(call(), path);
  } catch (const std::exception& error) {
    return Corrupt(path + ": " + OneLine(error.what()));
  }
}

Result<ordered_json> ToJson(const arrow::Array& array, int64_t i, int depth);

template <typename ListArray>
Result<ordered_json> ListToJson(const ListArray& array, int64_t i, int depth) {
  ordered_json list = ordered_json::array();
  for (int64_t k = array.value_offset(i); k < array.value_offset(i + 1); ++k) {
    QED_ASSIGN_OR_RETURN(ordered_json value, ToJson(*array.values(), k, depth + 1));
    list.push_back(std::move(value));
  }
  return list;
}

Result<ordered_json> StructToJson(const arrow::StructArray& array, int64_t i, int depth) {
  ordered_json object = ordered_json::object();
  for (int field = 0; field < array.num_fields(); ++field) {
    QED_ASSIGN_OR_RETURN(object[array.type()->field(field)->name()],
                         ToJson(*array.field(field), i, depth + 1));
  }
  return object;
}

template <typename Number>
ordered_json NumberToJson(const arrow::Array& array, int64_t i) {
  const auto value = static_cast<const arrow::NumericArray<Number>&>(array).Value(i);
  if constexpr (std::is_floating_point_v<decltype(value)>) {
    if (!std::isfinite(value)) return nullptr;
  }
  return value;
}

// Types that JSON does not have (dates, decimals) come as Arrow prints them.
Result<ordered_json> ScalarToJson(const arrow::Array& array, int64_t i) {
  const arrow::Result<std::shared_ptr<arrow::Scalar>> scalar = array.GetScalar(i);
  if (!scalar.ok()) return Corrupt(OneLine(scalar.status().message()));
  return ordered_json((*scalar)->ToString());
}

Result<ordered_json> ToJson(const arrow::Array& array, int64_t i, int depth) {
  if (depth > kMaxDepth) return Unsupported("columns nested deeper than 32 are not read");
  if (array.IsNull(i)) return ordered_json(nullptr);
  switch (array.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      return ordered_json(static_cast<const arrow::BinaryArray&>(array).GetView(i));
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
      return ordered_json(static_cast<const arrow::LargeBinaryArray&>(array).GetView(i));
    case arrow::Type::BOOL:
      return ordered_json(static_cast<const arrow::BooleanArray&>(array).Value(i));
    case arrow::Type::INT32:
      return NumberToJson<arrow::Int32Type>(array, i);
    case arrow::Type::INT64:
      return NumberToJson<arrow::Int64Type>(array, i);
    case arrow::Type::UINT32:
      return NumberToJson<arrow::UInt32Type>(array, i);
    case arrow::Type::UINT64:
      return NumberToJson<arrow::UInt64Type>(array, i);
    case arrow::Type::INT8:
      return NumberToJson<arrow::Int8Type>(array, i);
    case arrow::Type::UINT8:
      return NumberToJson<arrow::UInt8Type>(array, i);
    case arrow::Type::INT16:
      return NumberToJson<arrow::Int16Type>(array, i);
    case arrow::Type::UINT16:
      return NumberToJson<arrow::UInt16Type>(array, i);
    case arrow::Type::FLOAT:
      return NumberToJson<arrow::FloatType>(array, i);
    case arrow::Type::DOUBLE:
      return NumberToJson<arrow::DoubleType>(array, i);
    case arrow::Type::LIST:
    case arrow::Type::MAP:
      return ListToJson(static_cast<const arrow::ListArray&>(array), i, depth);
    case arrow::Type::LARGE_LIST:
      return ListToJson(static_cast<const arrow::LargeListArray&>(array), i, depth);
    case arrow::Type::STRUCT:
      return StructToJson(static_cast<const arrow::StructArray&>(array), i, depth);
    case arrow::Type::DICTIONARY: {
      const auto& codes = static_cast<const arrow::DictionaryArray&>(array);
      return ToJson(*codes.dictionary(), codes.GetValueIndex(i), depth + 1);
    }
    default:
      return ScalarToJson(array, i);
  }
}

class ParquetReader : public TableReader {
 public:
  explicit ParquetReader(std::string path) : path_(std::move(path)) {}

  const char* unit() const override { return "row"; }

  Status Open() {
    return Guarded(path_, [this] {
      parquet::ReaderProperties properties;
      properties.enable_buffered_stream();
      properties.set_page_checksum_verification(true);
      parquet::arrow::FileReaderBuilder builder;
      ARROW_RETURN_NOT_OK(builder.OpenFile(path_, /*memory_map=*/false, properties));
      parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
      arrow_properties.set_batch_size(kBatchRows);
      arrow_properties.set_pre_buffer(false);
      builder.properties(arrow_properties);
      ARROW_ASSIGN_OR_RAISE(file_, builder.Build());
      ARROW_ASSIGN_OR_RAISE(batches_, file_->GetRecordBatchReader());
      return arrow::Status::OK();
    });
  }

  Result<std::optional<TableRow>> Next() override {
    while (batch_ == nullptr || row_ == batch_->num_rows()) {
      QED_RETURN_IF_ERROR(Guarded(path_, [this] {
        ARROW_RETURN_NOT_OK(batches_->ReadNext(&batch_));
        return batch_ == nullptr ? arrow::Status::OK() : batch_->Validate();
      }));
      if (batch_ == nullptr) return std::optional<TableRow>();
      row_ = 0;
    }
    ordered_json columns = ordered_json::object();
    Status failed;
    QED_RETURN_IF_ERROR(Guarded(path_, [&] {
      failed = ReadRow(columns);
      return arrow::Status::OK();
    }));
    if (!failed.ok()) return failed.WithPrefix(path_ + " row " + std::to_string(number_ + 1));
    ++row_;
    QED_ASSIGN_OR_RETURN(TableRow row, MakeRow(++number_, columns));
    return std::optional(std::move(row));
  }

 private:
  Status ReadRow(ordered_json& columns) const {
    for (int column = 0; column < batch_->num_columns(); ++column) {
      QED_ASSIGN_OR_RETURN(columns[batch_->column_name(column)],
                           ToJson(*batch_->column(column), row_, 0));
    }
    return OkStatus();
  }

  const std::string path_;
  std::unique_ptr<parquet::arrow::FileReader> file_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  int64_t row_ = 0;  // of the batch
  int64_t number_ = 0;
};

class ParquetWriter : public TextTableWriter {
 public:
  explicit ParquetWriter(std::string path) : path_(std::move(path)) {}
  // Arrow closes a writer that was left: into a file that nobody will see.
  ~ParquetWriter() override {
    [[maybe_unused]] const Status ignored = Guarded(path_, [this] {
      writer_ = nullptr;
      return arrow::Status::OK();
    });
  }

  Status Create(const std::string& column) {
    return Guarded(path_, [&] {
      schema_ = arrow::schema({arrow::field(column, arrow::utf8(), /*nullable=*/false)});
      ARROW_ASSIGN_OR_RAISE(file_, arrow::io::FileOutputStream::Open(path_));
      const auto properties = parquet::WriterProperties::Builder()
                                  .compression(parquet::Compression::SNAPPY)
                                  ->enable_page_checksum()
                                  ->build();
      ARROW_ASSIGN_OR_RAISE(
          writer_, parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), file_,
                                                    properties));
      return arrow::Status::OK();
    });
  }

  Status Append(std::string_view text) override {
    return Guarded(path_, [&] {
      ARROW_RETURN_NOT_OK(texts_.Append(text));
      return texts_.value_data_length() < kGroupBytes ? arrow::Status::OK() : Flush();
    });
  }

  Status Finish() override {
    return Guarded(path_, [this] {
      ARROW_RETURN_NOT_OK(Flush());
      ARROW_RETURN_NOT_OK(writer_->Close());
      return file_->Close();
    });
  }

 private:
  arrow::Status Flush() {
    if (texts_.length() == 0) return arrow::Status::OK();
    std::shared_ptr<arrow::Array> array;
    ARROW_RETURN_NOT_OK(texts_.Finish(&array));
    return writer_->WriteTable(*arrow::Table::Make(schema_, {array}), array->length());
  }

  const std::string path_;
  std::shared_ptr<arrow::Schema> schema_;
  std::shared_ptr<arrow::io::FileOutputStream> file_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
  arrow::StringBuilder texts_;
};

class Module : public ParquetModule {
 public:
  Result<std::unique_ptr<TableReader>> Open(const std::string& path) const override {
    auto reader = std::make_unique<ParquetReader>(path);
    QED_RETURN_IF_ERROR(reader->Open());
    return std::unique_ptr<TableReader>(std::move(reader));
  }

  Result<std::unique_ptr<TextTableWriter>> Create(const std::string& path,
                                                  const std::string& column) const override {
    auto writer = std::make_unique<ParquetWriter>(path);
    QED_RETURN_IF_ERROR(writer->Create(column));
    return std::unique_ptr<TextTableWriter>(std::move(writer));
  }
};

}  // namespace
}  // namespace qed

extern "C" __attribute__((visibility("default"))) const qed::ParquetModule* QedParquetModule(
    int version) {
  static const qed::Module module;
  return version == qed::kParquetModuleVersion ? &module : nullptr;
}
