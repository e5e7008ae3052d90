// What the fields of a distributed Map come to when it is entered.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/core/map_run.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

using Members = std::vector<JsonMember>;

constexpr double kReaderItemsMax = 100'000'000;

// The fields of `config`, over those of `filled`.
void AddMembers(const Json& config, Members* members) {
  members->insert(members->end(), config.members().begin(), config.members().end());
}

// Of what an author's arguments say, only where the objects are: all else is the definition's.
void AddPlace(const Json& arguments, Members* members) {
  for (const absl::string_view name : {"Bucket", "Key", "Prefix"}) {
    if (const Json* value = arguments.Find(name)) members->push_back({Json(name), *value});
  }
}

// Bucket, Key ...: an object with texts.
AslResult<Json> FillArguments(const std::optional<Template>& arguments, absl::string_view field,
                              Evaluation& evaluation, const Json& input) {
  if (!arguments.has_value()) return Json::Object();
  AslResult<Json> filled = evaluation.Fill(*arguments, input, field);
  if (!filled.ok()) return filled;
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, *filled)) {
    return *std::move(error);
  }
  if (filled->is_object()) return filled;
  return evaluation.RuntimeError(absl::StrCat("The field '", field, "' must be an object."));
}

// MaxItems of 0 is no limit; it fails the run, not the state, when it is below.
AslResult<std::optional<AslError>> AddItemsMax(const ItemReader& reader, Evaluation& evaluation,
                                               const Json& input, Members* read) {
  if (!reader.items_max.has_value()) return std::optional<AslError>();
  const AslResult<double> most = ReadNumber(*reader.items_max, evaluation, input);
  if (!most.ok() && most.error().name == "States.ItemReaderFailed") {
    return std::optional<AslError>(most.error());
  }
  if (!most.ok()) return most.error();
  if (*most > 0) {
    read->push_back(
        {Json("MaxItems"), Json(static_cast<int64_t>(std::min(*most, kReaderItemsMax)))});
  }
  return std::optional<AslError>();
}

std::optional<AslError> AddReading(const ItemReader& reader, Evaluation& evaluation,
                                   const Json& input, Members* terms) {
  const absl::string_view field =
      evaluation.is_jsonata() ? "ItemReader/Arguments" : "ItemReader/Parameters";
  const AslResult<Json> arguments = FillArguments(reader.arguments, field, evaluation, input);
  if (!arguments.ok()) return arguments.error();
  Members read = {{Json("Action"), Json(reader.action)}};
  AddPlace(*arguments, &read);
  AddMembers(reader.config, &read);
  const AslResult<std::optional<AslError>> refusal = AddItemsMax(reader, evaluation, input, &read);
  if (!refusal.ok()) return refusal.error();
  if (refusal->has_value()) {
    terms->push_back({Json("Refusal"), Json((*refusal)->cause.value_or(""))});
  } else {
    terms->push_back({Json("Read"), Json::Object(std::move(read))});
  }
  return std::nullopt;
}

std::optional<AslError> AddWriting(const ResultWriter& writer, Evaluation& evaluation,
                                   const Json& input, Members* terms) {
  const Json* transformation = writer.config.Find("Transformation");
  const bool is_flat = transformation != nullptr && *transformation == Json("FLATTEN");
  if (is_flat) terms->push_back({Json("Flatten"), Json(true)});
  if (!writer.arguments.has_value()) return std::nullopt;
  const absl::string_view field =
      evaluation.is_jsonata() ? "ResultWriter/Arguments" : "ResultWriter/Parameters";
  const AslResult<Json> arguments = FillArguments(writer.arguments, field, evaluation, input);
  if (!arguments.ok()) return arguments.error();
  const Frame& frame = evaluation.frame();
  Members write = {{Json("MapRun"), Json(absl::StrCat(evaluation.info().execution_name, "/",
                                                      evaluation.state().name, ":",
                                                      frame.entered_id, "-", frame.retry_count))}};
  AddPlace(*arguments, &write);
  AddMembers(writer.config, &write);
  terms->push_back({Json("Write"), Json::Object(std::move(write))});
  return std::nullopt;
}

AslResult<double> ReadPercentage(const NumberField& field, Evaluation& evaluation,
                                 const Json& input) {
  if (field.value.has_value()) return *field.value;
  if (field.jsonata.has_value()) {
    const AslResult<Json> value = evaluation.Fill(*field.jsonata, field.name);
    if (!value.ok()) return value.error();
    if (!value->is_number()) {
      return evaluation.QueryError(*field.jsonata, field.name, "number", *value);
    }
    if (value->AsDouble() >= 0 && value->AsDouble() <= 100) return value->AsDouble();
    return evaluation.QueryError(field.name,
                                 "ToleratedFailurePercentage must be between 0 and 100.");
  }
  const AslResult<double> number = ReadFraction(field, evaluation, input);
  if (!number.ok() || (*number >= 0 && *number <= 100)) return number;
  return evaluation.RuntimeError("ToleratedFailurePercentage must be between 0 and 100.");
}

// Each number that is given, under its name without "Path".
std::optional<AslError> AddNumber(absl::string_view name, const std::optional<NumberField>& field,
                                  Evaluation& evaluation, const Json& input, Members* terms) {
  if (!field.has_value()) return std::nullopt;
  const bool is_percentage = name == "ToleratedFailurePercentage";
  const AslResult<double> number = is_percentage ? ReadPercentage(*field, evaluation, input)
                                                 : ReadNumber(*field, evaluation, input);
  if (!number.ok()) return number.error();
  terms->push_back({Json(name), Json(*number)});
  return std::nullopt;
}

}  // namespace

AslResult<Json> MakeRunTerms(const MapState& map, Evaluation& evaluation) {
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return input;
  Members terms;
  const ItemBatcher batcher = map.batcher.value_or(ItemBatcher{});
  const std::pair<absl::string_view, const std::optional<NumberField>&> numbers[] = {
      {"ToleratedFailureCount", map.tolerated_count},
      {"ToleratedFailurePercentage", map.tolerated_percentage},
      {"MaxItemsPerBatch", batcher.items_max},
      {"MaxInputBytesPerBatch", batcher.bytes_max}};
  for (const auto& [name, field] : numbers) {
    if (auto error = AddNumber(name, field, evaluation, *input, &terms)) return *std::move(error);
  }
  if (map.reader.has_value()) {
    if (auto error = AddReading(*map.reader, evaluation, *input, &terms)) return *std::move(error);
  }
  if (map.writer.has_value()) {
    if (auto error = AddWriting(*map.writer, evaluation, *input, &terms)) return *std::move(error);
  }
  return Json::Object(std::move(terms));
}

AslResult<Json> BatchInput(const MapState& map, Evaluation& evaluation) {
  const Frame& frame = evaluation.frame();
  const Json* count = frame.run.Find("MaxItemsPerBatch");
  const Json* size = frame.run.Find("MaxInputBytesPerBatch");
  const double count_max = count == nullptr ? kReaderItemsMax : count->AsDouble();
  const double bytes_max =
      size == nullptr ? static_cast<double>(evaluation.info().data_bytes_max) : size->AsDouble();
  Members members;
  if (map.batcher.has_value() && map.batcher->batch_input.has_value()) {
    const AslResult<Json> input = EffectiveInput(evaluation);
    if (!input.ok()) return input;
    AslResult<Json> filled =
        evaluation.Fill(*map.batcher->batch_input, *input, "ItemBatcher/BatchInput");
    if (!filled.ok()) return filled;
    members.push_back({Json("BatchInput"), *std::move(filled)});
  }
  std::vector<Json> items;
  size_t bytes = Json::Object(members).TextSize() + sizeof(R"(,"Items":[])");
  const auto all = static_cast<int64_t>(frame.items.size());
  for (int64_t i = frame.next_item; i < all; ++i) {
    AslResult<Json> item =
        ItemInput(map, evaluation, i, frame.items.elements()[static_cast<size_t>(i)]);
    if (!item.ok()) return item;
    bytes += item->TextSize() + 1;
    const bool is_full =
        static_cast<double>(items.size() + 1) > count_max || static_cast<double>(bytes) > bytes_max;
    if (is_full && !items.empty()) break;
    items.push_back(*std::move(item));
    evaluation.Burn(1);
  }
  members.push_back({Json("Items"), Json::Array(std::move(items))});
  Json batch = Json::Object(std::move(members));
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, batch)) {
    return *std::move(error);
  }
  return batch;
}

}  // namespace millrace
