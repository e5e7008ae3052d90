#include "absl/strings/str_cat.h"
#include "engine/core/map_run.h"
#include "engine/core/states/outcome.h"

namespace millrace {
namespace {

// Without an ItemSelector an item is its iteration's input.
AslResult<Json> ReadJsonataItems(const MapState& map, Evaluation& evaluation) {
  if (map.items.has_value()) {
    AslResult<Json> items = evaluation.Fill(*map.items, "Items");
    if (!items.ok() || items->is_array()) return items;
    return evaluation.QueryError(*map.items, "Items", "array", *items);
  }
  const Json& input = evaluation.frame().data;
  if (input.is_array()) return input;
  return evaluation.QueryError(
      "", absl::StrCat("Map state input must be an array but was: ", input.ToText()));
}

AslResult<Json> FindItems(const MapState& map, Evaluation& evaluation) {
  if (evaluation.is_jsonata()) return ReadJsonataItems(map, evaluation);
  const AslResult<Json> input = EffectiveInput(evaluation);
  if (!input.ok()) return input.error();
  AslResult<Json> items = *input;
  if (map.items_path.has_value()) {
    items = evaluation.Select({.path = map.items_path}, *input);
    if (!items.ok()) return items;
  }
  if (items->is_array()) {
    evaluation.Inspect(&Inspection::after_items_path, *items);
    return items;
  }
  return evaluation.RuntimeError(
      absl::StrCat("Reference path '", map.items_path.has_value() ? map.items_path->text() : "$",
                   "' must point to array."));
}

}  // namespace

Outcome Enter(const MapState& map, Evaluation& evaluation) {
  AslResult<Json> items = map.reader.has_value() ? Json::Array() : FindItems(map, evaluation);
  if (!items.ok()) return Fail{items.error()};
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, *items)) {
    return Fail{*std::move(error)};
  }
  const AslResult<double> concurrency =
      ReadNumber(map.max_concurrency, evaluation, evaluation.frame().data);
  if (!concurrency.ok()) return Fail{concurrency.error()};
  RunItems run{.items = *std::move(items), .concurrency_max = static_cast<int64_t>(*concurrency)};
  if (map.is_distributed) run.run = MakeRunTerms(map, evaluation);
  // The history says which expression has failed, and then that the Map never began.
  const bool is_query_error = !run.run.ok() && run.run.error().evaluation.has_value();
  if (is_query_error) return Fail{run.run.error()};
  return run;
}

AslResult<Json> ItemInput(const MapState& map, Evaluation& evaluation, int64_t index,
                          const Json& item) {
  AslResult<Json> selected = item;
  if (map.item_selector.has_value()) {
    const AslResult<Json> input = EffectiveInput(evaluation);
    if (!input.ok()) return input;
    evaluation.SetItem(index, item);
    selected = evaluation.Fill(*map.item_selector, *input, "ItemSelector");
    if (!selected.ok()) return selected;
  }
  if (std::optional<AslError> error = CheckSize(evaluation, evaluation.state().name, *selected)) {
    return *std::move(error);
  }
  return selected;
}

}  // namespace millrace
