#include "engine/languages/asl/map_rules.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/suggest.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/jsonata_fields.h"
#include "engine/languages/object_reader.h"

namespace millrace::asl {
namespace {

constexpr size_t kLabelCharactersMax = 40;
constexpr absl::string_view kLabelForbidden = " ?*<>{}[]:;,\\|^~$#%&`\"";
constexpr NumberRule kCount{};
constexpr NumberRule kPercentage{.max = 100, .is_integer = false};
constexpr NumberRule kBatchItems{.min = 1};
constexpr NumberRule kBatchBytes{.min = 1, .max = 262144};

// One object of a Map state that is being checked.
class MapPart {
 public:
  MapPart(const Json& json, const Place& place, std::string what, bool is_jsonata,
          ProblemList* problems)
      : fields_(json, place, std::move(what), problems), is_jsonata_(is_jsonata) {}

  ObjectReader& fields() { return fields_; }
  bool is_jsonata() const { return is_jsonata_; }

  // A number, or in its place an expression or, as `field`Path, a path.
  void Number(absl::string_view field, const NumberRule& rule) {
    if (is_jsonata_) {
      if (!IsJsonataExpression(fields_, field)) fields_.FindNumber(field, rule);
      return;
    }
    ReadNumber(fields_, field, rule);
  }

  // A text that is one of `values`, or an expression.
  std::string Word(absl::string_view field, const std::vector<absl::string_view>& values) {
    const std::string word = fields_.FindText(field).value_or("");
    const bool is_expression = is_jsonata_ && absl::StartsWith(word, "{%");
    if (!fields_.Has(field) || is_expression || !fields_.Find(field)->is_string()) return word;
    if (std::find(values.begin(), values.end(), word) != values.end()) return word;
    fields_.Report(field, problem_code::kInvalidValue,
                   absl::StrCat("'", field, "' is one of '", absl::StrJoin(values, "', '"),
                                "', not ", Quoted(word), DidYouMean(word, values)));
    return word;
  }

 private:
  ObjectReader fields_;
  bool is_jsonata_;
};

// A character that no label has: in UTF-8, U+0080 to U+009F is the byte C2 and one up to 9F.
bool IsForbidden(absl::string_view label, size_t i) {
  const auto c = static_cast<unsigned char>(label[i]);
  if (c < 0x20 || c == 0x7F || absl::StrContains(kLabelForbidden, label[i])) return true;
  return c == 0xC2 && i + 1 < label.size() && static_cast<unsigned char>(label[i + 1]) <= 0x9F;
}

void CheckLabel(ObjectReader& fields) {
  const std::optional<std::string> label = fields.FindText("Label");
  if (!label) return;
  const auto characters =
      static_cast<size_t>(std::count_if(label->begin(), label->end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      }));
  if (characters == 0 || characters > kLabelCharactersMax) {
    fields.Forbid("Label", problem_code::kInvalidValue,
                  absl::StrCat("'Label' has 1 to ", kLabelCharactersMax, " characters, not ",
                               characters, "."));
  }
  for (size_t i = 0; i < label->size(); ++i) {
    if (!IsForbidden(*label, i)) continue;
    fields.Forbid("Label", problem_code::kInvalidValue,
                  absl::StrCat("'Label' has no spaces, control characters or any of ",
                               absl::StripLeadingAsciiWhitespace(kLabelForbidden), "."));
    return;
  }
}

// Parameters in JSONPath, Arguments in JSONata: what the reading or writing action is given.
void CheckArguments(MapPart& part) {
  ObjectReader& fields = part.fields();
  if (part.is_jsonata()) {
    fields.Has("Arguments");
    return;
  }
  ReadObjectTemplate(fields, "Parameters");
}

// Warns unless the items are where this service can get at them.
void CheckStoreAction(ObjectReader& fields, const std::vector<absl::string_view>& actions) {
  const std::string resource = fields.FindText("Resource").value_or("");
  for (const absl::string_view action : actions) {
    if (resource.empty() || absl::EndsWith(resource, absl::StrCat(":states:::s3:", action))) return;
  }
  fields.Warn("Resource", problem_code::kResourceNotServed,
              absl::StrCat("Each run of the Map will fail: ", Quoted(resource),
                           " is not served here; 'arn:aws:states:::s3:", actions[0], "' is."));
}

void CheckHeaders(ObjectReader& fields) {
  const Json* headers = fields.FindArray("CSVHeaders");
  if (headers == nullptr) return;
  const Place place = fields.place().At("CSVHeaders");
  for (size_t i = 0; i < headers->size(); ++i) {
    if (headers->elements()[i].is_string()) continue;
    fields.problems()->Add(place.At(i), problem_code::kWrongType,
                           "'CSVHeaders' holds names of columns, which are strings.");
  }
}

// Reading fails with what is right in the cloud, and not served here.
void WarnOfUnservedReading(ObjectReader& fields) {
  const auto warn = [&fields](absl::string_view field) {
    fields.Warn(
        field, problem_code::kResourceNotServed,
        absl::StrCat("Each run of the Map will fail: this '", field, "' is not served here."));
  };
  const std::string type = fields.FindText("InputType").value_or("");
  if (type == "MANIFEST" || type == "PARQUET") warn("InputType");
  if (fields.Has("ItemsPointer")) warn("ItemsPointer");
  if (fields.FindText("Transformation").value_or("NONE") != "NONE") warn("Transformation");
}

void CheckReader(ObjectReader& map, bool is_jsonata) {
  const Json* json = map.FindObject("ItemReader");
  if (json == nullptr) return;
  const Place place = map.place().At("ItemReader");
  MapPart reader(*json, place, "'ItemReader'", is_jsonata, map.problems());
  if (reader.fields().RequireText("Resource")) {
    CheckStoreAction(reader.fields(), {"getObject", "listObjectsV2"});
  }
  CheckArguments(reader);
  if (const Json* json_config = reader.fields().FindObject("ReaderConfig")) {
    const Place config_place = place.At("ReaderConfig");
    MapPart config(*json_config, config_place, "'ReaderConfig'", is_jsonata, map.problems());
    config.Word("InputType", {"CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"});
    config.Word("CSVDelimiter", {"COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"});
    config.Word("ManifestType", {"S3_INVENTORY", "ATHENA_DATA"});
    config.Word("Transformation", {"NONE", "LOAD_AND_FLATTEN"});
    config.Number("MaxItems", kCount);
    ObjectReader& fields = config.fields();
    const std::string headers = config.Word("CSVHeaderLocation", {"FIRST_ROW", "GIVEN"});
    CheckHeaders(fields);
    WarnOfUnservedReading(fields);
    if (headers == "GIVEN" && !fields.Has("CSVHeaders")) {
      fields.Report("CSVHeaderLocation", problem_code::kMissingField,
                    "With 'CSVHeaderLocation' 'GIVEN', 'ReaderConfig' needs the field "
                    "'CSVHeaders'.");
    }
    fields.ReportUnknownFields();
  }
  reader.fields().ReportUnknownFields();
}

void CheckBatcher(ObjectReader& map, bool is_jsonata) {
  const Json* json = map.FindObject("ItemBatcher");
  if (json == nullptr) return;
  const Place place = map.place().At("ItemBatcher");
  MapPart batcher(*json, place, "'ItemBatcher'", is_jsonata, map.problems());
  batcher.Number("MaxItemsPerBatch", kBatchItems);
  batcher.Number("MaxInputBytesPerBatch", kBatchBytes);
  ObjectReader& fields = batcher.fields();
  if (is_jsonata) {
    fields.Has("BatchInput");
  } else {
    ReadTemplate(fields, "BatchInput");
  }
  if (!fields.Has("MaxItemsPerBatch") && !fields.Has("MaxItemsPerBatchPath") &&
      !fields.Has("MaxInputBytesPerBatch") && !fields.Has("MaxInputBytesPerBatchPath")) {
    map.Forbid("ItemBatcher", problem_code::kMissingField,
               "'ItemBatcher' needs 'MaxItemsPerBatch', 'MaxInputBytesPerBatch' or both.");
  }
  fields.ReportUnknownFields();
}

void CheckWriter(ObjectReader& map, bool is_jsonata) {
  const Json* json = map.FindObject("ResultWriter");
  if (json == nullptr) return;
  const Place place = map.place().At("ResultWriter");
  MapPart writer(*json, place, "'ResultWriter'", is_jsonata, map.problems());
  if (writer.fields().FindText("Resource")) CheckStoreAction(writer.fields(), {"putObject"});
  CheckArguments(writer);
  if (const Json* json_config = writer.fields().FindObject("WriterConfig")) {
    const Place config_place = place.At("WriterConfig");
    MapPart config(*json_config, config_place, "'WriterConfig'", is_jsonata, map.problems());
    config.Word("Transformation", {"NONE", "COMPACT", "FLATTEN"});
    config.fields().RequireText("OutputType");
    config.Word("OutputType", {"JSON", "JSONL"});
    config.fields().ReportUnknownFields();
  }
  writer.fields().ReportUnknownFields();
}

}  // namespace

void CheckMapRules(const Json& map, const Place& place, bool is_jsonata, ProblemList* problems) {
  MapPart part(map, place, "A Map state", is_jsonata, problems);
  part.Number("ToleratedFailureCount", kCount);
  part.Number("ToleratedFailurePercentage", kPercentage);
  ObjectReader& fields = part.fields();
  CheckLabel(fields);
  CheckReader(fields, is_jsonata);
  CheckBatcher(fields, is_jsonata);
  CheckWriter(fields, is_jsonata);
}

}  // namespace millrace::asl
