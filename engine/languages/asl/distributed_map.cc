#include "engine/languages/asl/distributed_map.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/jsonata_fields.h"

namespace millrace::asl {
namespace {

using Words = std::vector<absl::string_view>;

constexpr NumberRule kItems{.min = 0};
constexpr NumberRule kBatchItems{.min = 1};
constexpr NumberRule kBatchBytes{.min = 1, .max = 262'144};
constexpr NumberRule kCount{.min = 0};
constexpr NumberRule kPercentage{.min = 0, .max = 100, .is_integer = false};

std::optional<NumberField> ReadEitherNumber(ObjectReader& fields, const StateSource& source,
                                            absl::string_view field, const NumberRule& rule) {
  return source.is_jsonata() ? ReadJsonataNumber(fields, field, rule)
                             : ReadNumber(fields, field, rule);
}

std::optional<Template> ReadEitherTemplate(ObjectReader& fields, const StateSource& source,
                                           absl::string_view field) {
  if (source.is_jsonata()) return ReadJsonata(fields, field);
  return ReadTemplate(fields, field);
}

// One of `words`, or nothing, reported.
std::optional<std::string> ReadWord(ObjectReader& fields, absl::string_view field,
                                    const Words& words) {
  std::optional<std::string> word = fields.FindText(field);
  if (!word) return std::nullopt;
  for (const absl::string_view known : words) {
    if (*word == known) return word;
  }
  fields.Report(field, problem_code::kInvalidValue,
                absl::StrCat("'", field, "' is one of ", absl::StrJoin(words, ", "), ", not ",
                             Quoted(*word), "."));
  return std::nullopt;
}

// The last part of "arn:aws:states:::s3:getObject"; "", reported, for another service.
std::string ReadAction(ObjectReader& fields, const Words& actions) {
  const std::optional<std::string> text = fields.RequireText("Resource");
  if (!text) return "";
  const Words parts = absl::StrSplit(*text, ':');
  const bool is_storage = parts.size() == 7 && parts[0] == "arn" && parts[2] == "states" &&
                          parts[5] == "s3" && absl::StartsWith(parts[1], "aws");
  for (const absl::string_view action : actions) {
    if (is_storage && parts[6] == action) return std::string(action);
  }
  fields.Report("Resource", problem_code::kInvalidResource,
                absl::StrCat(Quoted(*text), " is not supported here; use 'arn:aws:states:::s3:",
                             absl::StrJoin(actions, "' or 'arn:aws:states:::s3:"), "'."));
  return "";
}

void CheckHeaders(ObjectReader& fields) {
  const Json* headers = fields.FindArray("CSVHeaders");
  if (headers == nullptr) return;
  for (const Json& header : headers->elements()) {
    if (header.is_string()) continue;
    fields.Report("CSVHeaders", problem_code::kWrongType, "'CSVHeaders' holds strings.");
    return;
  }
}

void ReadReaderConfig(const StateSource& source, const Place& place, const Json& json,
                      ItemReader* reader) {
  ObjectReader fields(json, place, "'ReaderConfig'", source.fields.problems());
  reader->items_max = ReadEitherNumber(fields, source, "MaxItems", kItems);
  ReadWord(fields, "InputType", {"JSON", "JSONL", "CSV"});
  ReadWord(fields, "CSVHeaderLocation", {"FIRST_ROW", "GIVEN"});
  ReadWord(fields, "CSVDelimiter", {"COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"});
  CheckHeaders(fields);
  if (fields.json().Find("InputType") == nullptr && reader->action == "getObject") {
    fields.problems()->Add(place, problem_code::kMissingField,
                           "'ReaderConfig' needs the field 'InputType'.");
  }
  std::vector<JsonMember> constant;
  for (const absl::string_view field :
       {"InputType", "CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"}) {
    if (const Json* value = fields.Find(field)) constant.push_back({Json(field), *value});
  }
  reader->config = Json::Object(std::move(constant));
  fields.ReportUnknownFields();
}

absl::string_view ArgumentsField(const StateSource& source) {
  return source.is_jsonata() ? "Arguments" : "Parameters";
}

}  // namespace

std::optional<ItemReader> ReadItemReader(const StateSource& source) {
  const Json* json = source.fields.FindObject("ItemReader");
  if (json == nullptr) return std::nullopt;
  const Place place = source.fields.place().At("ItemReader");
  ObjectReader fields(*json, place, "'ItemReader'", source.fields.problems());
  ItemReader reader;
  reader.action = ReadAction(fields, {"getObject", "listObjectsV2"});
  reader.arguments = ReadEitherTemplate(fields, source, ArgumentsField(source));
  if (const Json* config = fields.FindObject("ReaderConfig")) {
    ReadReaderConfig(source, place.At("ReaderConfig"), *config, &reader);
  } else if (reader.action == "getObject" && !fields.Has("ReaderConfig")) {
    fields.problems()->Add(place, problem_code::kMissingField,
                           "An 'ItemReader' of one object needs the field 'ReaderConfig'.");
  }
  fields.ReportUnknownFields();
  return reader;
}

std::optional<ItemBatcher> ReadItemBatcher(const StateSource& source) {
  const Json* json = source.fields.FindObject("ItemBatcher");
  if (json == nullptr) return std::nullopt;
  const Place place = source.fields.place().At("ItemBatcher");
  ObjectReader fields(*json, place, "'ItemBatcher'", source.fields.problems());
  ItemBatcher batcher;
  batcher.items_max = ReadEitherNumber(fields, source, "MaxItemsPerBatch", kBatchItems);
  batcher.bytes_max = ReadEitherNumber(fields, source, "MaxInputBytesPerBatch", kBatchBytes);
  batcher.batch_input = ReadEitherTemplate(fields, source, "BatchInput");
  fields.ReportUnknownFields();
  return batcher;
}

std::optional<ResultWriter> ReadResultWriter(const StateSource& source) {
  const Json* json = source.fields.FindObject("ResultWriter");
  if (json == nullptr) return std::nullopt;
  const Place place = source.fields.place().At("ResultWriter");
  ObjectReader fields(*json, place, "'ResultWriter'", source.fields.problems());
  ResultWriter writer;
  if (fields.Has("Resource")) {
    ReadAction(fields, {"putObject"});
    writer.arguments = ReadEitherTemplate(fields, source, ArgumentsField(source));
  }
  if (const Json* config = fields.FindObject("WriterConfig")) {
    const Place config_place = place.At("WriterConfig");
    ObjectReader config_fields(*config, config_place, "'WriterConfig'", fields.problems());
    ReadWord(config_fields, "OutputType", {"JSON", "JSONL"});
    ReadWord(config_fields, "Transformation", {"NONE", "COMPACT", "FLATTEN"});
    config_fields.ReportUnknownFields();
    writer.config = *config;
  }
  fields.ReportUnknownFields();
  return writer;
}

void ReadTolerance(const StateSource& source, MapState* map) {
  ObjectReader& fields = source.fields;
  map->tolerated_count = ReadEitherNumber(fields, source, "ToleratedFailureCount", kCount);
  map->tolerated_percentage =
      ReadEitherNumber(fields, source, "ToleratedFailurePercentage", kPercentage);
}

}  // namespace millrace::asl
