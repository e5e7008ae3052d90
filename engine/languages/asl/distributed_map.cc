#include "engine/languages/asl/distributed_map.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/jsonata_fields.h"

namespace millrace::asl {
namespace {

constexpr absl::string_view kDistributedFields[] = {"ItemReader", "ItemBatcher", "ResultWriter",
                                                    "Label"};
constexpr NumberRule kAnyNumber{.min = -1e15, .max = 1e15, .is_integer = false};

// One object of the Map's. What only one of the two reads, it reports.
class Part {
 public:
  Part(const Json& json, const Place& place, const StateSource& source)
      : fields_(json, place, "A Map state", &ignored_),
        expressions_(json, place, "A Map state", source.fields.problems()),
        is_jsonata_(source.is_jsonata()) {}

  const Json* Object(absl::string_view field) { return fields_.FindObject(field); }
  const Json* Find(absl::string_view field) { return fields_.Find(field); }
  std::string Text(absl::string_view field) { return fields_.FindText(field).value_or(""); }

  std::optional<NumberField> Number(absl::string_view field) {
    if (!is_jsonata_) return ReadNumber(fields_, field, kAnyNumber);
    ObjectReader& reader = IsJsonataExpression(fields_, field) ? expressions_ : fields_;
    return ReadJsonataNumber(reader, field, kAnyNumber);
  }

  std::optional<Template> Filled(absl::string_view field) {
    if (is_jsonata_) return ReadJsonata(expressions_, field);
    return ReadTemplate(fields_, field);
  }

  // Parameters in JSONPath, Arguments in JSONata.
  std::optional<Template> Arguments() { return Filled(is_jsonata_ ? "Arguments" : "Parameters"); }

 private:
  ProblemList ignored_;
  ObjectReader fields_;
  ObjectReader expressions_;
  const bool is_jsonata_;
};

// The last part of "arn:aws:states:::s3:getObject".
std::string ActionOf(const std::string& resource) {
  return resource.substr(resource.rfind(':') + 1);
}

void ReadReaderConfig(Part& config, ItemReader* reader) {
  reader->items_max = config.Number("MaxItems");
  std::vector<JsonMember> constant;
  for (const absl::string_view field : {"InputType", "CSVHeaderLocation", "CSVHeaders",
                                        "CSVDelimiter", "ItemsPointer", "Transformation"}) {
    if (const Json* value = config.Find(field)) constant.push_back({Json(field), *value});
  }
  reader->config = Json::Object(std::move(constant));
}

std::optional<ItemReader> ReadReader(const StateSource& source) {
  const Place place = source.fields.place().At("ItemReader");
  const Json* json = source.fields.Find("ItemReader");
  if (json == nullptr || !json->is_object()) return std::nullopt;
  Part part(*json, place, source);
  ItemReader reader{.action = ActionOf(part.Text("Resource"))};
  if (const Json* json_config = part.Object("ReaderConfig")) {
    const Place config_place = place.At("ReaderConfig");
    Part config(*json_config, config_place, source);
    ReadReaderConfig(config, &reader);
  }
  reader.arguments = part.Arguments();
  return reader;
}

std::optional<ItemBatcher> ReadBatcher(const StateSource& source) {
  const Place place = source.fields.place().At("ItemBatcher");
  const Json* json = source.fields.Find("ItemBatcher");
  if (json == nullptr || !json->is_object()) return std::nullopt;
  Part part(*json, place, source);
  ItemBatcher batcher;
  batcher.items_max = part.Number("MaxItemsPerBatch");
  batcher.bytes_max = part.Number("MaxInputBytesPerBatch");
  batcher.batch_input = part.Filled("BatchInput");
  return batcher;
}

std::optional<ResultWriter> ReadWriter(const StateSource& source) {
  const Place place = source.fields.place().At("ResultWriter");
  const Json* json = source.fields.Find("ResultWriter");
  if (json == nullptr || !json->is_object()) return std::nullopt;
  Part part(*json, place, source);
  ResultWriter writer;
  if (part.Find("Resource") != nullptr) writer.arguments = part.Arguments();
  if (const Json* config = part.Object("WriterConfig")) writer.config = *config;
  return writer;
}

}  // namespace

void ReadDistribution(const StateSource& source, MapState* map) {
  ObjectReader& fields = source.fields;
  for (const absl::string_view field : {"ToleratedFailureCount", "ToleratedFailurePercentage"}) {
    fields.Has(field);
    if (!source.is_jsonata()) fields.Has(absl::StrCat(field, "Path"));
  }
  Part part(fields.json(), fields.place(), source);
  map->tolerated_count = part.Number("ToleratedFailureCount");
  map->tolerated_percentage = part.Number("ToleratedFailurePercentage");
  for (const absl::string_view field : kDistributedFields) {
    if (!fields.Has(field) || map->is_distributed) continue;
    fields.Report(field, problem_code::kConflictingFields,
                  absl::StrCat("'", field,
                               "' belongs to the distributed Map: \"ProcessorConfig\": "
                               "{\"Mode\": \"DISTRIBUTED\"}."));
  }
  map->reader = ReadReader(source);
  map->batcher = ReadBatcher(source);
  map->writer = ReadWriter(source);
}

}  // namespace millrace::asl
