#include "engine/languages/asl/map_state.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/languages/asl/distributed_map.h"
#include "engine/languages/asl/error_handling.h"
#include "engine/languages/asl/express_rules.h"
#include "engine/languages/asl/expressions.h"
#include "engine/languages/asl/jsonata_fields.h"
#include "engine/languages/asl/machine.h"
#include "engine/languages/asl/transition.h"

namespace millrace::asl {
namespace {

constexpr NumberRule kConcurrency{.min = 0, .max = 1e9};

// As its Mode says; without one, by the fields that only a distributed Map has.
bool IsDistributed(const Json& processor, ObjectReader& fields) {
  const Json* config = processor.Find("ProcessorConfig");
  const Json* mode = config == nullptr ? nullptr : config->Find("Mode");
  if (mode != nullptr) return *mode == Json("DISTRIBUTED");
  for (const absl::string_view field : {"ItemReader", "ItemBatcher", "ResultWriter"}) {
    if (!fields.Has(field)) continue;
    fields.Warn(field, problem_code::kImpliedMode,
                absl::StrCat("'", field,
                             "' makes this a distributed Map; say so in its processor: "
                             "\"ProcessorConfig\": {\"Mode\": \"DISTRIBUTED\"}."));
    return true;
  }
  return false;
}

MachineIndex ReadProcessor(const StateSource& source, bool* is_distributed) {
  ObjectReader& fields = source.fields;
  fields.OneOf({kProcessorFields[0], kProcessorFields[1]}, /*is_required=*/true);
  std::optional<MachineIndex> processor;
  for (const absl::string_view field : kProcessorFields) {
    const Json* json = fields.Find(field);
    if (json == nullptr) continue;
    *is_distributed = IsDistributed(*json, fields);
    processor = DefineInnerMachine(*json, fields.place().At(field), absl::StrCat("'", field, "'"),
                                   &source.compilation);
  }
  return processor.value_or(0);
}

// ItemSelector was called Parameters when ItemProcessor was called Iterator.
std::optional<PayloadTemplate> ReadItemSelector(ObjectReader& fields) {
  fields.OneOf({"ItemSelector", "Parameters"}, /*is_required=*/false);
  std::optional<PayloadTemplate> selector = ReadTemplate(fields, "ItemSelector");
  std::optional<PayloadTemplate> parameters = ReadTemplate(fields, "Parameters");
  return selector ? selector : parameters;
}

void CheckItems(ObjectReader& fields) {
  const Json* items = fields.Find("Items");
  if (items == nullptr || items->is_array() || IsJsonataExpression(fields, "Items")) return;
  fields.Report("Items", problem_code::kWrongType,
                "'Items' is an array, or an expression that gives one.");
}

}  // namespace

MapState ReadMap(const StateSource& source) {
  ObjectReader& fields = source.fields;
  MapState map;
  map.processor = ReadProcessor(source, &map.is_distributed);
  map.max_concurrency = NumberField{.value = source.is_asw() ? 1 : 0, .name = "MaxConcurrency"};
  if (source.is_jsonata()) {
    CheckItems(fields);
    map.items = ReadJsonata(fields, "Items");
    map.item_selector = ReadJsonata(fields, "ItemSelector");
    if (auto number = ReadJsonataNumber(fields, "MaxConcurrency", kConcurrency)) {
      map.max_concurrency = *std::move(number);
    }
    ReadDistribution(source, &map);
    return map;
  }
  map.items_path = ReadReferencePath(fields, "ItemsPath");
  map.item_selector = ReadItemSelector(fields);
  if (auto number = ReadNumber(fields, "MaxConcurrency", kConcurrency)) {
    map.max_concurrency = *std::move(number);
  }
  ReadDistribution(source, &map);
  return map;
}

void CheckProcessorConfig(const Json& config, const Place& place, Compilation* compilation) {
  ObjectReader fields(config, place, "'ProcessorConfig'", &compilation->problems);
  const std::string mode = fields.FindText("Mode").value_or("INLINE");
  if (compilation->options.is_express) CheckExpressMode(mode, fields);
  if (mode == "DISTRIBUTED") {
    const std::string type = fields.FindText("ExecutionType").value_or("STANDARD");
    if (type != "STANDARD" && type != "EXPRESS") {
      fields.Forbid(
          "ExecutionType", problem_code::kInvalidValue,
          absl::StrCat("'ExecutionType' is 'STANDARD' or 'EXPRESS', not ", Quoted(type), "."));
    }
  } else if (mode != "INLINE") {
    fields.Report("Mode", problem_code::kInvalidValue,
                  absl::StrCat("'Mode' is 'INLINE' or 'DISTRIBUTED', not ", Quoted(mode), "."));
  }
  fields.ReportUnknownFields();
}

void ReadMapState(const StateSource& source, State* state) {
  ObjectReader& fields = source.fields;
  state->body = ReadMap(source);
  state->flow.input_path = ReadPath(fields, "InputPath");
  state->flow.result_selector = ReadObjectTemplate(fields, "ResultSelector");
  state->flow.result_path = ReadResultPath(fields);
  state->flow.output_path = ReadPath(fields, "OutputPath");
  state->flow.assign = ReadAssign(fields);
  ReadErrorHandling(source, state);
  state->transition = ReadTransition(source);
}

}  // namespace millrace::asl
